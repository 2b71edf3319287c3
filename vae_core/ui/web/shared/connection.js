// The socket: it reconnects by itself, unpacks, acknowledges, and drops requests that cannot be sent.

import { SILENT, silence } from "./silence.js";
import { socketAt } from "./root.js";
import { unpack } from "./frame_decoding.js";

const FIRST_WAIT = 250; // ms between two attempts; twice as long after each
const LONGEST_WAIT = 5000;
const LOOK = 5000; // ms between two looks at whether the socket lives
const QUIET = 10_000; // ms without a message after which it is asked
const PATIENCE = 8000; // ms in which it has to answer
const SLEPT = 30_000; // ms between two looks after which the machine has slept

/** @typedef {ReturnType<typeof connect>} Connection */

/**
 * Connect to an address of the server.
 *
 * @param {string} path
 * @param {Object} to
 * @param {(message: any) => void} to.onMessage gets one of messages.js; a binary one has its kind as its `type`, and a
 *   frame says whether it is `recorded`
 * @param {(connected: boolean) => void} to.onConnection
 * @param {(reason: string) => void} [to.onSilence] no connection has come about for seconds, for a reason in a sentence
 * @param {(data: ArrayBuffer) => any} [to.decode] turns a binary message into an object, or a promise of one
 * @param {Pick<EarlyOpening, "socket" | "messages"> | null} [to.opening] the first socket, if there is one already, and
 *   the messages that it has got
 */
export function connect(path, { onMessage, onConnection, onSilence, decode = unpack, opening }) {
  /** @type {WebSocket} */
  let socket;
  let wait = FIRST_WAIT;
  let timer = 0;
  let closed = false;
  let recorded = false; // the next frame answers a request for the past
  /** @type {Promise<void>} */
  let arriving = Promise.resolve(); // messages are taken in their order, though one may take time to decode
  let heard = Date.now(); // when the last message came
  let asked = 0; // when a ping was sent that is not answered yet
  let looked = Date.now();
  let opens = false; // a connection has come about
  const wondering = setTimeout(async () => {
    const reason = !opens && !closed && await silence();
    if (reason && !opens && !closed) onSilence?.(reason);
  }, SILENT);

  /** Whether it could be sent. @param {{ do: string }} message */
  const send = (message) => {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  };

  /** @type {(data: string | ArrayBuffer, mine: WebSocket) => Promise<void>} */
  const take = async (data, mine) => {
    const message = typeof data === "string" ? JSON.parse(data) : await decode(data);
    if (closed || mine !== socket) return;
    if (message.type === "recorded") recorded = true;
    else if (message.type) onMessage(message);
    else {
      const past = message.kind === "frame" && (recorded || Boolean(message.recorded));
      if (message.kind === "frame") recorded = false;
      onMessage({ ...message, type: message.kind, recorded: past });
    }
  };

  const open = () => {
    clearTimeout(timer);
    if (closed) return;
    const mine = (socket = opening?.socket ?? new WebSocket(socketAt(path)));
    const messages = opening?.messages ?? [];
    opening = null;
    mine.binaryType = "arraybuffer";
    const opened = () => {
      opens = true;
      wait = FIRST_WAIT;
      heard = Date.now();
      asked = 0;
      recorded = false;
      onConnection(true);
    };
    mine.onopen = opened;
    /** @param {MessageEvent} message */
    const heardOne = ({ data }) => {
      heard = Date.now();
      asked = 0;
      arriving = arriving.then(() => take(data, mine)).catch(reportError).then(() => {
        if (typeof data !== "string" && mine === socket) send({ do: "ack" }); // taken over: the server may send the newest frame
      });
    };
    mine.onmessage = heardOne;
    const closedOne = () => {
      if (mine === socket) lost();
    };
    mine.onclose = closedOne;
    if (mine.readyState === WebSocket.OPEN) arriving = arriving.then(opened);
    messages.splice(0).forEach(heardOne);
    if (mine.readyState === WebSocket.CLOSED) arriving = arriving.then(closedOne);
  };

  const lost = () => {
    if (closed) return;
    onConnection(false);
    timer = setTimeout(open, wait * (0.5 + Math.random())); // a hall does not come back at the same moment
    wait = Math.min(2 * wait, LONGEST_WAIT);
  };

  /** A machine that slept, or changed its network, has a socket that is dead and does not know. */
  const look = () => {
    const now = Date.now();
    const slept = now - looked > SLEPT && !document.hidden; // hidden pages have slow clocks
    looked = now;
    if (closed || socket.readyState === WebSocket.CONNECTING) return;
    if (socket.readyState !== WebSocket.OPEN) {
      if (slept) open();
      return;
    }
    if (slept || (asked && now - asked > PATIENCE)) {
      socket.onclose = null;
      socket.close();
      wait = FIRST_WAIT;
      return lost();
    }
    if (!asked && now - heard > QUIET && send({ do: "ping" })) asked = now;
  };

  /** The network is back, or somebody looks again: no need to wait. */
  const hurry = () => {
    if (closed || document.hidden) return;
    if (socket.readyState === WebSocket.CLOSED) open();
    else if (!asked && send({ do: "ping" })) asked = Date.now();
  };

  const looking = setInterval(look, LOOK);
  window.addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
  open();
  return {
    send,
    /** Where to connect to from now on, should this connection end. @param {string} next */
    at(next) {
      path = next;
    },
    close() {
      closed = true;
      clearTimeout(timer);
      clearTimeout(wondering);
      clearInterval(looking);
      window.removeEventListener("online", hurry);
      document.removeEventListener("visibilitychange", hurry);
      socket.close();
    },
  };
}
