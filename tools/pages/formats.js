// Texts for people.

// Beyond it a browser stands still for long: 1 MB of brackets becomes a million lines.
const MOST_CHARACTERS = 1_000_000;
const MOST_SHOWN = 2_000_000;
const DEEPEST = 20;

// JSON with line breaks. What is none, or would be too long, stays as it came.
export function pretty(text) {
  if (text.length > MOST_CHARACTERS) return text;
  try {
    JSON.parse(text);
    const shown = broken(text);
    return shown.length > MOST_SHOWN ? text : shown;
  } catch {
    return text;
  }
}

// The text is only cut: a parsed number would lose digits, and a name that comes twice would be lost.
function broken(text) {
  let depth = 0;
  const line = () => `\n${"  ".repeat(Math.min(depth, DEEPEST))}`;
  const parts = text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g);
  return parts.map((part, index) => {
    if (part === ",") return `,${line()}`;
    if (part === ":") return ": ";
    if (part === "{" || part === "[") {
      if ("}]".includes(parts[index + 1])) return part;
      depth += 1;
      return `${part}${line()}`;
    }
    if (part === "}" || part === "]") {
      if ("{[".includes(parts[index - 1])) return part;
      depth -= 1;
      return `${line()}${part}`;
    }
    return part;
  }).join("");
}

// Minor units as the currency is written. What is not known to be in minor units stays as it came.
export function money({ amount, currency, amountUnit, exponent }) {
  if (amount === null || amount === undefined) return "";
  if (amountUnit !== "minor" || !Number.isInteger(exponent) || !Number.isInteger(amount)) {
    return [amount, currency, amountUnit && `(${amountUnit})`].filter(Boolean).join(" ");
  }
  const digits = String(Math.abs(amount)).padStart(exponent + 1, "0");
  const whole = digits.slice(0, digits.length - exponent);
  return `${amount < 0 ? "-" : ""}${whole}${exponent ? `.${digits.slice(-exponent)}` : ""} ${currency ?? ""}`.trim();
}

export function duration(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}

export const ago = (seconds) => `${new Date(Date.now() - seconds * 1000).toISOString().slice(0, 19)}Z`;
