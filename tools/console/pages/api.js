// Calls of the console's server. The token comes in the fragment of the start URL, and stays in this origin's storage.

const KEPT = "token";

export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return;
  localStorage.setItem(KEPT, given);
  history.replaceState(null, "", location.pathname + location.search);
}

async function call(path, query, signal, sent) {
  const asked = new URLSearchParams(query ?? {}).toString();
  const answer = await fetch(`/api/${path.map(encodeURIComponent).join("/")}${asked && `?${asked}`}`, {
    headers: { Authorization: `Bearer ${localStorage.getItem(KEPT)}`, ...(sent && { "Content-Type": "application/json" }) },
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
export const act = async (path, query, body, signal) => (await call(path, query, signal, { method: "POST", body: JSON.stringify(body) })).json();
export const bytes = async (path, query, signal) => (await call(path, query, signal)).arrayBuffer();
