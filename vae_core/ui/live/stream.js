// The socket: it reconnects by itself, unpacks, acknowledges, and drops requests that cannot be sent.

import { unpack } from "./packed.js";

const FIRST_WAIT = 250;
const LONGEST_WAIT = 5000;

/** Connect to `path` on this host. Returns { send, close }. */
export function connect(path, { onMessage, onConnection }) {
  let socket = null;
  let wait = FIRST_WAIT;
  let timer = 0;
  let closed = false;
  let recorded = false; // the next frame answers a request for the past

  const send = (message) => {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  };

  const open = () => {
    const url = new URL(path, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const mine = (socket = new WebSocket(url));
    mine.binaryType = "arraybuffer";
    mine.onopen = () => {
      wait = FIRST_WAIT;
      onConnection(true);
    };
    mine.onmessage = ({ data }) => {
      if (closed) return;
      const message = typeof data === "string" ? JSON.parse(data) : unpack(data);
      if (message.type === "recorded") {
        recorded = true;
        return;
      }
      if (message.type) return onMessage(message);
      onMessage({ ...message, type: message.kind, recorded: recorded && message.kind === "frame" });
      if (message.kind === "frame") recorded = false;
      send({ do: "ack" }); // taken over: the server may send the newest frame
    };
    mine.onclose = () => {
      if (closed) return;
      onConnection(false);
      timer = setTimeout(open, wait);
      wait = Math.min(2 * wait, LONGEST_WAIT);
    };
  };

  open();
  return {
    send,
    close() {
      closed = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}
