// A WebSocket server behind the gateway, and a client through it, both of the package ws. Prints the port of the
// server, then reads the URL of the path at the gateway and a token from standard input.
import { createInterface } from "node:readline/promises";
import { WebSocket, WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
const users = [];
server.on("connection", (socket, request) => {
  users.push(request.headers["x-user-id"]);
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
await new Promise((done) => server.on("listening", done));
console.log(server.address().port);

const [url, token] = (await createInterface({ input: process.stdin }).question("")).split(" ");
const refused = new WebSocket(url);
const status = await new Promise((done) => {
  refused.on("unexpected-response", (_, response) => done(response.statusCode));
  refused.on("error", () => {});
  refused.on("open", () => done(101));
});
const client = new WebSocket(url, { headers: { Authorization: `Bearer ${token}` } });
await new Promise((done, failed) => client.on("open", done).on("error", failed));
const echo = (message) =>
  new Promise((done) => {
    client.once("message", (data, isBinary) => done(isBinary ? data.length : data.toString()));
    client.send(message);
  });
const text = await echo("žluťoučký");
const bytes = await echo(Buffer.alloc(200_000, 7));
await new Promise((done) => {
  client.once("pong", done);
  client.ping();
});
client.close(4000, "done");
const code = await new Promise((done) => client.on("close", done));
console.log(JSON.stringify({ status, text, bytes, code, users }));
server.close();
process.exit(0);
