// Why nothing comes: a sentence for the page, from the server where that answers.

import { at } from "./root.js";

export const SILENT = 8000; // ms without a socket after which a page says so

/** @returns {Promise<string>} */
export async function silence() {
  const address = at("noise-lab/silence");
  const answer = await fetch(address, { method: "POST" }).catch(() => null); // a browser names its page where it posts
  if (!answer) return "The server does not answer. The page goes on asking.";
  if (answer.ok && answer.headers.get("content-type")?.startsWith("text/plain")) return answer.text();
  return `Not the lab, but something else answers at ${address.href} (${answer.status}): whoever set up this address should hand on all that lies below it.`;
}
