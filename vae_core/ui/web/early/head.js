// Stands in the head of the first page, ahead of all else: the server opens the run of the page's link while the browser
// loads the lab, which takes the socket over with all that has come by then (early.js). Streamlit's sixty scripts, which
// `hrefs` names, are fetched while the lab draws its first frame: before that, the frame would wait for them.

{
  const PATIENCE = 500; // ms for the first frame to come
  const TOKEN = "noise_lab_early"; // ui/server/early reads it: by this cookie Streamlit's session finds the run

  const token = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const root = new URL(".", document.baseURI); // this is the app's first page
  /** @param {string} value @param {number} seconds */
  const write = (value, seconds) => (document.cookie = `${TOKEN}=${value}; path=${root.pathname}; max-age=${seconds}; SameSite=Strict`);
  /** Where cookies are refused, in another site's frame, the address tells. @param {(search: URLSearchParams) => void} change */
  const inAddress = (change) => {
    const url = new URL(location.href);
    change(url.searchParams);
    history.replaceState(history.state, "", url);
  };
  write(token, 60);
  const isRefused = !document.cookie.includes(token);
  if (isRefused) inAddress((search) => search.set(TOKEN, token));
  const forget = () => (isRefused ? inAddress((search) => search.delete(TOKEN)) : write("", 0));
  const path = `noise-lab/early/${token}${location.search}`; // the cookie may be set after the socket has asked
  const socket = new WebSocket(new URL(path, root.href.replace("http", "ws")));
  /** @type {MessageEvent[]} */
  const messages = [];
  socket.binaryType = "arraybuffer";
  socket.onmessage = (message) => messages.push(message);
  window.noiseLabEarly = { page: location.pathname, path, socket, messages, forget };

  /** @param {string} href */
  const preload = (href) => Object.assign(document.createElement("link"), { rel: "preload", as: "script", crossOrigin: "", href });
  const fetchStreamlit = () => document.head.append(...hrefs.splice(0).map(preload));
  addEventListener("noise-lab-arrived", fetchStreamlit);
  setTimeout(fetchStreamlit, PATIENCE);
}
