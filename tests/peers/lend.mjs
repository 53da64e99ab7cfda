// The conformance suite calls tools of its own making, and sends no token. This hands its calls on to ours: what its
// tools would do, a person does who answers as the question says. All else passes as it is.
import http from "node:http";

const [port, target, token] = process.argv.slice(2);
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";

/** What is asked in place of each tool's call, and whether it is a tool that answers at once. */
const TOOLS = {
  greet: ({ name }) => ({ question: `say Hello, ${name}!`, atOnce: true }),
  slow_compute: ({ seconds, label }) => ({ question: `after ${seconds} ${label}` }),
  failing_job: () => ({ question: "never", timeout: 1 }),
  test_simple_text: () => ({ question: "say This is a simple text response for testing.", atOnce: true }),
  test_image_content: () => ({ question: "show image", atOnce: true }),
  test_audio_content: () => ({ question: "show audio", atOnce: true }),
  test_embedded_resource: () => ({ question: "show resource", atOnce: true }),
  test_multiple_content_types: () => ({ question: "show text image resource", atOnce: true }),
  test_tool_with_progress: () => ({ question: "after 1 progress" }),
  test_error_handling: () => ({ question: "never", timeout: 1, atOnce: true }),
};

function lent(body) {
  const call = JSON.parse(body);
  const tool = call.method === "tools/call" && TOOLS[call.params?.name];
  if (!tool) return { body };
  const { atOnce, ...asked } = tool(call.params.arguments ?? {});
  call.params.name = "ask_question";
  call.params.arguments = asked;
  if (atOnce) delete call.params._meta?.[CAPABILITIES]?.extensions;
  return { body: Buffer.from(JSON.stringify(call)), name: call.params.name };
}

http
  .createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    let passed = { body: Buffer.concat(parts) };
    try {
      passed = lent(passed.body);
    } catch {
      // No JSON: what the server says to that is for it to say.
    }
    const headers = { ...request.headers, authorization: `Bearer ${token}` };
    delete headers["transfer-encoding"];
    if (request.method === "POST") headers["content-length"] = passed.body.length;
    if (passed.name && headers["mcp-name"]) headers["mcp-name"] = passed.name;
    const to = new URL(request.url, target);
    const call = http.request(to, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    call.on("error", () => response.destroy());
    response.on("close", () => call.destroy());
    call.end(passed.body);
  })
  .listen(Number(port), "127.0.0.1", () => console.log("ready"));
