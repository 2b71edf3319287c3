// Stands in the head of the first page, ahead of all else: the server opens the run of the page's link while the browser
// loads the lab, which takes the socket over with all that has come by then (early.js). Streamlit's sixty scripts, which
// `hrefs` names, are fetched while the lab draws its first frame: before that, the frame would wait for them.

{
  const PATIENCE = 500; // ms for the first frame to come
  const TOKEN = "noise_lab_early"; // ui/widgets/session.py reads it: by this cookie Streamlit's session finds the run

  const token = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  document.cookie = `${TOKEN}=${token}; path=/; max-age=60; SameSite=Strict`;
  const path = `/noise-lab/early/${token}${location.search}`; // the cookie may be set after the socket has asked
  const socket = new WebSocket(location.origin.replace("http", "ws") + path);
  /** @type {MessageEvent[]} */
  const messages = [];
  socket.binaryType = "arraybuffer";
  socket.onmessage = (message) => messages.push(message);
  window.noiseLabEarly = { page: location.pathname, path, socket, messages, forget: () => (document.cookie = `${TOKEN}=; path=/; max-age=0; SameSite=Strict`) };

  /** @param {string} href */
  const preload = (href) => Object.assign(document.createElement("link"), { rel: "preload", as: "script", crossOrigin: "", href });
  const fetchStreamlit = () => document.head.append(...hrefs.splice(0).map(preload));
  addEventListener("noise-lab-arrived", fetchStreamlit);
  setTimeout(fetchStreamlit, PATIENCE);
}
