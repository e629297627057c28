// Messages in dead letter queues: SQS moves them back to where they came from.

import { act } from "/assets/api.js";
import { action } from "/assets/act.js";
import { make, trouble } from "/assets/elements.js";
import { hasDelivery, hasIngestQueue } from "/assets/place.js";

const EVERY_MS = 2_000;

export const redrives = (signal) => make("div", { class: "demands" }, [
  hasIngestQueue() && redrive("Redrive the ingest queue's dead letters", ["redrive"], ["dryRun", "reason"], signal),
  hasDelivery() && redrive("Redrive delivery's dead letters", ["operator", "redrive"], [], signal),
].filter(Boolean));

function redrive(name, path, inBody, signal) {
  // A dry run says how far the move is.
  const look = () => (inBody.length ? act(path, null, { dryRun: true }, signal) : act(path, { dryRun: true }, null, signal));
  return action(name, path, {
    inBody, signal, says: "In the queue, about:", may: ({ underWay }) => !underWay,
    shown: ({ messages, underWay }) => [["Messages", String(messages)], ["SQS moves them already", underWay ? progress(look, messages) : null]],
    done: ({ messages }, put) => put(progress(look, messages)),
  });
}

function progress(look, total) {
  const bar = make("progress", { max: Math.max(total, 1), value: 0, "aria-label": "Messages that were moved" });
  const said = make("p", null, "…");
  const place = make("div", null, bar, said);
  watch().catch((error) => { if (error.name !== "AbortError") place.append(trouble(error)); });
  return place;

  async function watch() {
    let found;
    do {
      if (found) await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
      found = await look();
      bar.value = total - found.messages;
      said.textContent = found.underWay ? `${found.messages} of ${total} are left, about.`
        : found.messages ? `SQS has ended. ${found.messages} are there: they came back, or came meanwhile.` : "SQS has ended. None is left.";
    } while (found.underWay && place.isConnected);
  }
}
