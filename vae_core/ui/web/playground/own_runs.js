// A cookie with the last runs of this browser: a page that is loaded again, or whose server was started again, finds its
// run. Where cookies are refused, in another site's frame, the page's address has the last one.

import { ROOT } from "../shared/root.js";

const NAME = "noise_lab_runs"; // ui/server/visitor.py reads it
const MOST = 6;
const SECONDS = 14 * 86400;

/**
 * The names that the cookie holds once a run was opened: its own first, then the others.
 *
 * @type {(run: string, cookies: string) => string[]}
 */
export function runsWith(run, cookies) {
  const known = cookies.split("; ").find((entry) => entry.startsWith(`${NAME}=`))?.slice(NAME.length + 1) ?? "";
  return [run, ...known.split(".").filter((other) => other && other !== run)].slice(0, MOST);
}

/** Put the run of a socket's path first. @param {string} path */
export function rememberRun(path) {
  const run = path.slice(path.lastIndexOf("/") + 1);
  const runs = runsWith(run, document.cookie);
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${NAME}=${runs.join(".")}; path=${ROOT.pathname}; max-age=${SECONDS}; SameSite=Strict${secure}`;
  if (document.cookie.includes(run)) return;
  const url = new URL(location.href);
  url.searchParams.set(NAME, run);
  history.replaceState(history.state, "", url);
}
