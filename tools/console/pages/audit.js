// What operators did: the logs of both halves as one.

import { hasDelivery } from "/assets/place.js";
import { make, state, time, trouble } from "/assets/elements.js";
import { filters, list, pages, text } from "/assets/list.js";

export async function auditPage({ main, query, signal }) {
  main.append(filters("audit", query, [text("who", "Who, ARN", query, { maxlength: 2048 }), text("tenantId", "Tenant", query), text("action", "Action", query)]));
  // The inbound log has no tenants.
  const logs = [
    ...(query.tenantId ? [] : [pages(["audit"], "entries", "next", query, signal)]),
    ...(hasDelivery() ? [pages(["operator", "audit"], "entries", "cursor", query, signal)] : []),
  ];
  await list(main, {
    caption: "Actions, the newest first", noun: "actions",
    columns: {
      at: (one) => time(one.at), who: (one) => one.who, action: (one) => make("code", null, one.action), reason: (one) => one.reason,
      outcome: (one) => [state(one.outcome ?? "not known"), Object.entries(one.counts ?? {}).map(([name, number]) => ` ${name} ${number}`).join(","), one.made ? make("code", null, ` ${one.made}`) : ""], asked: (one) => make("code", null, JSON.stringify(one.asked)), "request id": (one) => make("code", null, one.requestId),
    },
    fetch: newest(logs, (error) => main.append(trouble(error))),
  });
}

// One that cannot be read leaves the other.
function newest(logs, refused) {
  const open = logs.map((fetch) => ({ fetch, rows: [], next: undefined }));
  const load = async (log) => {
    try {
      Object.assign(log, await log.fetch(log.next));
    } catch (error) {
      if (error.name === "AbortError") throw error;
      refused(error);
      log.next = null;
    }
  };
  return async () => {
    await Promise.all(open.filter((log) => !log.rows.length && log.next !== null).map(load));
    const rows = [];
    const isKnown = (log) => log.rows.length || log.next === null;
    while (open.every(isKnown) && open.some((log) => log.rows.length)) {
      const [first] = open.filter((log) => log.rows.length).sort((one, other) => (one.rows[0].at < other.rows[0].at ? 1 : -1));
      rows.push(first.rows.shift());
    }
    return { rows, next: open.some((log) => log.rows.length || log.next !== null) ? "more" : null };
  };
}
