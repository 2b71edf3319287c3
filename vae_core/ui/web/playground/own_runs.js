// Cookies with the last runs of this browser, by which a page that is loaded again, or whose server was started again,
// finds its run, and with the name of its shelf in the library. Where cookies are refused, in another site's frame, the
// page's address has the last run.

import { randomName } from "../shared/storage.js";
import { ROOT } from "../shared/root.js";

const NAME = "noise_lab_runs"; // ui/server/visitor.py reads it
const MOST = 6;
const SECONDS = 14 * 86400;
const SHELF = "noise_lab_shelf"; // ui/server/visitor.py reads it, too
const SHELF_SECONDS = 400 * 86400; // since the last visit; browsers keep nothing for longer

/** What a cookie holds, or "". @type {(name: string, cookies: string) => string} */
const read = (name, cookies) => cookies.split("; ").find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";

/** @type {(name: string, value: string, seconds: number) => void} */
function write(name, value, seconds) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; path=${ROOT.pathname}; max-age=${seconds}; SameSite=Strict${secure}`;
}

/**
 * The names that the cookie holds once a run was opened: its own first, then the others.
 *
 * @type {(run: string, cookies: string) => string[]}
 */
export function runsWith(run, cookies) {
  return [run, ...read(NAME, cookies).split(".").filter((other) => other && other !== run)].slice(0, MOST);
}

/** The name of this browser's shelf that the cookies hold, or "". @param {string} cookies */
export const shelfIn = (cookies) => read(SHELF, cookies);

/** Keep the name of this browser's shelf in the library, a new one at the first visit; "" where cookies are refused. */
export function rememberShelf() {
  write(SHELF, shelfIn(document.cookie) || randomName(16), SHELF_SECONDS);
  return shelfIn(document.cookie);
}

/** Put the run of a socket's path first. @param {string} path */
export function rememberRun(path) {
  rememberShelf();
  const run = path.slice(path.lastIndexOf("/") + 1);
  write(NAME, runsWith(run, document.cookie).join("."), SECONDS);
  if (document.cookie.includes(run)) return;
  const url = new URL(location.href);
  url.searchParams.set(NAME, run);
  history.replaceState(history.state, "", url);
}
