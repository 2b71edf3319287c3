// What is on the page beside our modules.

/** In the head of the first page: Streamlit's scripts, to be fetched later. See early/head.js. */
declare const hrefs: string[];

/** In the head of each page: where the module is that asks why nothing comes. See early/watch.js. */
declare const silenceScript: string;

/** The socket that the head of the first page has opened, and what it has got so far. */
interface EarlyOpening {
  page: string;
  path: string;
  socket: WebSocket;
  messages: MessageEvent[];
  forget(): void;
}

interface Window {
  noiseLabEarly?: EarlyOpening;
  /** Facts for tests and for the curious. */
  noiseLab?: object;
  noiseLabDraw?: object;
}
