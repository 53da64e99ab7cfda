// An agent on Node: calls one tool, and prints what comes back as JSON.
//   node call.mjs URL TOKEN TOOL ARGUMENTS
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [url, token, name, given] = process.argv.slice(2);
const client = new Client({ name: "node-client", version: "1.0.0" });
const requestInit = { headers: { Authorization: `Bearer ${token}` } };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
const onprogress = ({ message }) => console.error(`progress: ${message}`);
const result = await client.callTool(
  { name, arguments: JSON.parse(given) },
  { timeout: 3_600_000, onprogress, resetTimeoutOnProgress: true },
);
console.log(JSON.stringify(result));
await client.close();
