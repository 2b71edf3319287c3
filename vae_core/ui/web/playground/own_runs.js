// A cookie with the last runs of this browser: a page that is loaded again, or whose server was started again, finds its run.

const NAME = "noise_lab_runs"; // ui/widgets/session.py reads it
const MOST = 6;
const SECONDS = 14 * 86400;

/** Put the run of a socket's path first. */
export function rememberRun(path) {
  const run = path.split("/").pop();
  const known = document.cookie.split("; ").find((entry) => entry.startsWith(`${NAME}=`))?.slice(NAME.length + 1) ?? "";
  const runs = [run, ...known.split(".").filter((other) => other && other !== run)].slice(0, MOST);
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${NAME}=${runs.join(".")}; path=/; max-age=${SECONDS}; SameSite=Strict${secure}`;
}
