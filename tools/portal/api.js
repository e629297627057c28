// Calls of the tenants' API, which lies where this page does. The link's token comes in the fragment, which a browser
// sends to no server. It is kept for this tab alone: another customer's link in another tab is another tenant, and
// localStorage would be left on a machine that somebody else uses. Two frames of a tab share what is kept, so that a page
// reads it once, when it opens.

const KEPT = "token";
const ENDED = "This link has ended, was taken back, or is not whole. Ask for a new link where you got it.";
let token = null;

export const givenToken = () => new URLSearchParams(location.hash.slice(1)).get("token");

export function takeToken() {
  token = givenToken();
  try {
    if (token) sessionStorage.setItem(KEPT, token);
    else token = sessionStorage.getItem(KEPT);
  } catch {
    // A browser may let a frame of another site keep nothing: then the page is good until it is reloaded.
  }
  if (givenToken()) history.replaceState(null, "", location.pathname + location.search);
}

async function call(method, path, { query, signal, body, key }) {
  // A program that cuts a link may put a sign there that no header can have.
  if (!/^[\w-]+$/.test(token ?? "")) throw new Error(ENDED);
  const asked = new URLSearchParams(query ?? {}).toString();
  const answer = await fetch(`v1/${path.map(encodeURIComponent).join("/")}${asked && `?${asked}`}`, {
    method, signal, body: body === undefined ? body : JSON.stringify(body),
    headers: { Authorization: `Bearer ${token}`, ...(body !== undefined && { "Content-Type": "application/json" }), ...(key && { "Idempotency-Key": key }) },
  }).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Error("The service does not answer. Try again in a moment.");
  });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const { message, error, fields = [] } = await answer.json().catch(() => ({}));
  const why = fields.map(({ field, problem }) => `${field}: ${problem}`).join("; ");
  const refused = new Error(answer.status === 401 ? ENDED : [message ?? error ?? `status ${answer.status}`, why].filter(Boolean).join(": "));
  throw Object.assign(refused, { fields });
}

export const ask = (path, query, signal) => call("GET", path, { query, signal });
export const act = (method, path, body, key) => call(method, path, { body, key });
