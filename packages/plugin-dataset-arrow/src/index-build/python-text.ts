/** A string as Python's `repr` writes it. */
export function pythonString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let written = "";
  for (const sign of text) {
    if (sign === "\\" || sign === quote) written += `\\${sign}`;
    else if (sign === "\n") written += "\\n";
    else if (sign === "\r") written += "\\r";
    else if (sign === "\t") written += "\\t";
    else if (/[\p{C}\p{Zl}\p{Zp}]/u.test(sign) || (/\p{Zs}/u.test(sign) && sign !== " "))
      written += escaped(sign.codePointAt(0) ?? 0);
    else written += sign;
  }
  return `${quote}${written}${quote}`;
}

function escaped(code: number): string {
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** A list of strings as Python prints it. */
export function pythonList(texts: readonly string[]): string {
  return `[${texts.map(pythonString).join(", ")}]`;
}

/** A float as Python's `str` writes it: `5.0`, `1e+16`, `1e-05`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const exponent = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  if (exponent < -4 || exponent >= 16 || Math.abs(value) >= 1e16 || (value !== 0 && Math.abs(value) < 1e-4)) {
    const [digits = "", power = ""] = value.toExponential().split("e");
    const sign = power.startsWith("-") ? "-" : "+";
    return `${digits}e${sign}${power.replace(/^[+-]/, "").padStart(2, "0")}`;
  }
  const text = String(value);
  return text.includes(".") ? text : `${text}.0`;
}

const SPACES = "[\\s\\x1c-\\x1f\\x85]";
const STRIP = new RegExp(`^${SPACES}+|${SPACES}+$`, "gu");

/** Python's `str.strip`: JavaScript's `trim` also takes U+FEFF and leaves U+001C..U+001F and U+0085. */
export function pythonStrip(text: string): string {
  if (/^[!-~]+$/.test(text)) return text;
  const parts = text.split("\ufeff");
  if (parts.length === 1) return text.replace(STRIP, "");
  return text
    .replace(/\ufeff/g, "\u{10ffff}")
    .replace(STRIP, "")
    .replace(/\u{10ffff}/gu, "\ufeff");
}

/**
 * Python's `float(text)`, or undefined where Python refuses: blanks around, `1_000`, `inf`, `nan`, any Unicode decimal
 * digits.
 */
export function pythonNumber(text: string): number | undefined {
  const stripped = asciiDigits(pythonStrip(text));
  if (!/^[\x21-\x7e]+$/.test(stripped)) return undefined;
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(stripped);
  if (word !== null) {
    if (word[2]?.toLowerCase() === "nan") return Number.NaN;
    return word[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (!/^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)([eE][+-]?\d+(_\d+)*)?$/.test(stripped))
    return undefined;
  return Number(stripped.replaceAll("_", ""));
}

/** Python's `int(text)`, or undefined where Python refuses. */
export function pythonInt(text: string): number | undefined {
  const stripped = asciiDigits(pythonStrip(text));
  return /^[+-]?\d+(_\d+)*$/.test(stripped) ? Number(stripped.replaceAll("_", "")) : undefined;
}

/** Decimal digits of any script as ASCII digits: each script's zero stands at a multiple of its ten neighbours. */
function asciiDigits(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return text.replace(/\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0;
    // Runs of ten: count back to the first that is no digit before it. Mathematical digits stand in fifties.
    if (code >= 0x1d7ce && code <= 0x1d7ff) return String((code - 0x1d7ce) % 10);
    let zero = code;
    while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && code - zero < 9) zero--;
    return String(code - zero);
  });
}

/**
 * A Python regular expression as JavaScript's, or the reason why it cannot be carried over. Checked one by one: what
 * both read alike passes, named groups are respelt, what they read differently is refused.
 */
export function pythonPattern(pattern: string): RegExp | string {
  const refused: readonly [RegExp, string][] = [
    [/\(\?[aiLmsux]+(-[imsx]+)?[:)]/, "flags inside the pattern, such as (?i)"],
    [/\(\?[#(]/, "comments and conditions, (?#...) and (?(...)...)"],
    [/\(\?>|[*+?}]\+/, "possessive and atomic groups"],
    [/\\[AZ]/, "\\A and \\Z; write ^ and $"],
    [/\\N\{|\\U/, "\\N{...} and \\U; write the sign itself"],
    [/\[:[a-z]+:\]/, "POSIX classes"],
  ];
  // Escaped backslashes would hide or fake the signs looked for.
  const bare = pattern.replace(/\\\\/g, "  ");
  for (const [found, what] of refused)
    if (found.test(bare)) return `${what}, which JavaScript does not read alike`;
  const named = pattern.replace(/\(\?P<(\w+)>/g, "(?<$1>").replace(/\(\?P=(\w+)\)/g, "\\k<$1>");
  try {
    return new RegExp(unicodeClasses(named), "u");
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Python's \d, \w, \s and \b know Unicode; `$` also stands before a final line break; lone braces are plain signs. */
function unicodeClasses(pattern: string): string {
  let out = "";
  let isInClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const sign = pattern[i] ?? "";
    if (sign === "\\") {
      const next = pattern[++i] ?? "";
      out += escapeOf(next, isInClass);
    } else if (isInClass) {
      if (sign === "]") isInClass = false;
      out += sign === "[" ? "\\[" : sign;
    } else if (sign === "[") {
      isInClass = true;
      out += sign;
      if (pattern[i + 1] === "^") out += pattern[++i] ?? "";
      if (pattern[i + 1] === "]") {
        i++;
        out += "\\]";
      }
    } else if (sign === "$") out += "(?=\\n?$(?![\\s\\S]))";
    else if (sign === "{" && !/^\{\d+(,\d*)?\}|^\{,\d+\}/.test(pattern.slice(i))) out += "\\{";
    else if (sign === "{" && pattern[i + 1] === ",") out += "{0";
    else if (sign === "}" && !/\{\d*,?\d*$/.test(pattern.slice(0, i))) out += "\\}";
    else if (sign === "]") out += "\\]";
    else if (sign === ".") out += "[^\\n]";
    else out += sign;
  }
  return out;
}

function escapeOf(letter: string, isInClass: boolean): string {
  const word = "\\p{L}\\p{N}_";
  switch (letter) {
    case "d":
      return "\\p{Nd}";
    case "D":
      return "\\P{Nd}";
    case "w":
      return isInClass ? word : `[${word}]`;
    case "W":
      return isInClass ? "\\W" : `[^${word}]`;
    case "s":
      return isInClass ? "\\s\\x1c-\\x1f\\x85" : `${SPACES}`;
    case "S":
      return isInClass ? "\\S" : "[^\\s\\x1c-\\x1f\\x85]";
    case "b":
      return isInClass ? "\\x08" : `(?:(?<=[${word}])(?![${word}])|(?<![${word}])(?=[${word}]))`;
    case "B":
      return `(?:(?<=[${word}])(?=[${word}])|(?<![${word}])(?![${word}]))`;
    case "a":
      return "\\x07";
    default:
      // Python lets any sign that is no letter be escaped; JavaScript's u mode only its own.
      return /[\^$\\.*+?()[\]{}|/]|[0-9a-zA-Z]/.test(letter) || (isInClass && letter === "-")
        ? `\\${letter}`
        : letter;
  }
}
