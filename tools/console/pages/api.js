// Calls of the console's server. The token comes in the fragment of the start URL, and stays in this origin's storage, for
// other tabs. A page reads it once, when it opens: another console that is started on this port puts its own there. Each
// call says which environment the page shows.

const KEPT = "token";
let token = null;
let environment = null;

export const showsEnvironment = (name) => { environment = name; };

export const givenToken = () => new URLSearchParams(location.hash.slice(1)).get("token");

export function takeToken() {
  const given = givenToken();
  token = given ?? localStorage.getItem(KEPT);
  if (!given) return;
  localStorage.setItem(KEPT, given);
  history.replaceState(null, "", location.pathname + location.search);
}

async function call(path, query, signal, sent) {
  const asked = new URLSearchParams(query ?? {}).toString();
  const answer = await fetch(`/api/${path.map(encodeURIComponent).join("/")}${asked && `?${asked}`}`, {
    headers: { Authorization: `Bearer ${token}`, ...(environment && { "Console-Environment": environment }), ...(sent && { "Content-Type": "application/json" }) },
    signal,
    ...sent,
  }).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Error("The console does not answer: is it still running?");
  });
  if (!answer.ok) {
    const refused = new Error((await answer.json()).error);
    refused.status = answer.status;
    throw refused;
  }
  return answer;
}

export const ask = async (path, query, signal) => (await call(path, query, signal)).json();
export const act = async (path, query, body, signal, method = "POST") => (await call(path, query, signal, { method, body: JSON.stringify(body) })).json();
export const bytes = async (path, query, signal) => (await call(path, query, signal)).arrayBuffer();
