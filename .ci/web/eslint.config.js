// Mistakes that types do not show; looks are left to the eye.

import js from "@eslint/js";
import globals from "globals";

const rules = {
  ...js.configs.recommended.rules,
  eqeqeq: "error",
  "no-undef": "error",
  "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
  "no-var": "error",
  "prefer-const": ["error", { destructuring: "all" }],
};

export default [
  { files: ["vae_core/ui/web/**/*.js"], languageOptions: { globals: globals.browser }, rules },
  { files: ["vae_core/ui/web/early/*.js"], languageOptions: { globals: { hrefs: "readonly", silenceScript: "readonly" } } },
  { files: ["tests/ui/web/*.mjs"], languageOptions: { globals: globals.node }, rules },
];
