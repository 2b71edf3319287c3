// A cookie with the last runs of this browser: a page that is loaded again, or whose server was started again, finds its run.

const NAME = "noise_lab_runs"; // ui/widgets/session.py reads it
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
  const runs = runsWith(path.slice(path.lastIndexOf("/") + 1), document.cookie);
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${NAME}=${runs.join(".")}; path=/; max-age=${SECONDS}; SameSite=Strict${secure}`;
}
