// Preloaded into a server that does not tell which port it got: `PORT=0 node --import ./announce.mjs SERVER`.

import { Server } from "node:net";

const { listen } = Server.prototype;
Server.prototype.listen = function (...args) {
  this.once("listening", () => console.error(`listening on http://localhost:${this.address().port}`));
  return listen.apply(this, args);
};
