// Cookies with the last runs of this browser, by which a page that is loaded again, or whose server was started again,
// finds its run, and with the name of its shelf in the library. Where cookies are refused, in another site's frame, the
// page's address has the last run.

import { ROOT } from "../shared/root.js";

const NAME = "noise_lab_runs"; // ui/server/visitor.py reads it
const MOST = 6;
const SECONDS = 14 * 86400;
const SHELF = "noise_lab_shelf"; // ui/server/visitor.py reads it, too
const SHELF_SECONDS = 400 * 86400; // since the last visit; browsers keep nothing for longer

/**
 * The names that the cookie holds once a run was opened: its own first, then the others.
 *
 * @type {(run: string, cookies: string) => string[]}
 */
export function runsWith(run, cookies) {
  const known = cookies.split("; ").find((entry) => entry.startsWith(`${NAME}=`))?.slice(NAME.length + 1) ?? "";
  return [run, ...known.split(".").filter((other) => other && other !== run)].slice(0, MOST);
}

/** The name of this browser's shelf that the cookies hold, or "". @param {string} cookies */
export const shelfIn = (cookies) => cookies.split("; ").find((entry) => entry.startsWith(`${SHELF}=`))?.slice(SHELF.length + 1) ?? "";

/** Keep the name of this browser's shelf in the library, a new one at the first visit; "" where cookies are refused. */
export function rememberShelf() {
  const random = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${SHELF}=${shelfIn(document.cookie) || random}; path=${ROOT.pathname}; max-age=${SHELF_SECONDS}; SameSite=Strict${secure}`;
  return shelfIn(document.cookie);
}

/** Put the run of a socket's path first. @param {string} path */
export function rememberRun(path) {
  rememberShelf();
  const run = path.slice(path.lastIndexOf("/") + 1);
  const runs = runsWith(run, document.cookie);
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${NAME}=${runs.join(".")}; path=${ROOT.pathname}; max-age=${SECONDS}; SameSite=Strict${secure}`;
  if (document.cookie.includes(run)) return;
  const url = new URL(location.href);
  url.searchParams.set(NAME, run);
  history.replaceState(history.state, "", url);
}
