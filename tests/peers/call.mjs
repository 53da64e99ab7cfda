// An agent on Node: calls one tool, and prints what comes back as a line of JSON. With a time, it gives the call up
// after so many milliseconds; with another, it awaits the answer so long after its first call.
//   node call.mjs URL TOKEN TOOL ARGUMENTS [TIMEOUT [LATER]]
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [url, token, name, given, timeout, later] = process.argv.slice(2);
const client = new Client({ name: "node-client", version: "1.0.0" });
const requestInit = { headers: { Authorization: `Bearer ${token}` } };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
const began = Date.now();

async function call(tool, options) {
  const onprogress = () => {};
  try {
    console.log(JSON.stringify(await client.callTool(tool, { onprogress, ...options })));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}

const patient = { timeout: 3_600_000, resetTimeoutOnProgress: true };
await call({ name, arguments: JSON.parse(given) }, timeout ? { timeout: Number(timeout) } : patient);
if (later) {
  await new Promise((done) => setTimeout(done, began + Number(later) - Date.now()));
  await call({ name: "await_answer", arguments: {} }, patient);
}
await client.close();
