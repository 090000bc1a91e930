// The shell's end of the mini-app bridge: one MessagePort after an origin and source check, JSON-RPC 2.0 on it.

const VERSION = 1;

const error = (code, message) => ({ error: { code, message } });

async function answer(request, methods) {
  if (request?.jsonrpc !== "2.0" || typeof request.method !== "string") return error(-32600, "not a JSON-RPC 2.0 request");
  const method = Object.hasOwn(methods, request.method) ? methods[request.method] : null;
  if (!method) return error(-32601, `no method ${request.method.slice(0, 40)}`);
  try {
    return { result: (await method(request.params ?? {})) ?? null };
  } catch (problem) {
    if (problem instanceof TypeError) return error(-32602, problem.message);
    return { error: { code: -32000, message: problem.code ?? "refused", data: problem.members } };
  }
}

/**
 * Serve the page in `iframe`, which must be of `origin`. `methods` maps a name to an async function of its params; a
 * TypeError thrown there means the params were wrong. Returns `notify(method, params)` and `close()`.
 */
export function serve(iframe, origin, methods, { onOpen = () => {} } = {}) {
  let port = null;

  async function handle({ data: request }) {
    const here = port;
    const outcome = await answer(request, methods);
    if (request?.id !== undefined && here === port) here?.postMessage({ jsonrpc: "2.0", id: request.id, ...outcome });
  }

  function greet(event) {
    if (event.origin !== origin || event.source !== iframe.contentWindow) return;
    if (event.data?.banyan !== "hello" || event.data.version !== VERSION) return;
    port?.close();
    const channel = new MessageChannel();
    port = channel.port1;
    port.onmessage = handle;
    iframe.contentWindow.postMessage({ banyan: "port", version: VERSION, capabilities: Object.keys(methods) }, origin, [channel.port2]);
    onOpen();
  }

  addEventListener("message", greet);
  return {
    notify: (method, params) => port?.postMessage({ jsonrpc: "2.0", method, params }),
    close: () => { removeEventListener("message", greet); port?.close(); port = null; },
  };
}
