/** Text that is HTML already. */
export interface Markup {
  readonly html: string;
}

/** What may stand in a template: text is escaped, markup is not, lists are joined. */
export type Fragment = string | number | Markup | readonly Fragment[] | undefined;

/** A template literal as markup: everything that comes in is escaped unless it is markup itself. */
export function html(parts: TemplateStringsArray, ...values: Fragment[]): Markup {
  const filled = parts.map((part, index) => (index === 0 ? part : render(values[index - 1]) + part));
  return { html: filled.join("") };
}

/** Markup from text that this package wrote itself, such as a style sheet. */
export function trusted(text: string): Markup {
  return { html: text };
}

function render(value: Fragment): string {
  if (value === undefined) return "";
  if (typeof value === "string") return escapeHtml(value);
  if (typeof value === "number") return String(value);
  if ("html" in value) return value.html;
  return value.map(render).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? letter);
}
