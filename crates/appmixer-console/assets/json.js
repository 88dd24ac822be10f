// Says where JSON is wrong, by line, as browsers do not all tell: syntax, a key that is there twice, and depth.

/** What the server takes, at most. */
const MAX_DEPTH = 127;

class Wrong extends Error {
  constructor(at, message) {
    super(message);
    this.at = at;
  }
}

/** `null` where a text is good JSON, else `{line, column, message}`, both from 1. */
export function mistake(text) {
  try {
    const end = space(text, value(text, space(text, 0), 0));
    if (end < text.length) throw new Wrong(end, 'there is something behind the end');
    return null;
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    const before = text.slice(0, error.at).split('\n');
    return { line: before.length, column: before.at(-1).length + 1, message: error.message };
  }
}

/** The same as a sentence. */
export function describeMistake(text) {
  const found = mistake(text);
  return found && `Line ${found.line}, column ${found.column}: ${found.message}`;
}

function space(text, at) {
  while (' \t\n\r'.includes(text[at] ?? 'x')) at += 1;
  return at;
}

function value(text, at, depth) {
  if (depth > MAX_DEPTH) throw new Wrong(at, `nested more than ${MAX_DEPTH} levels deep`);
  const first = text[at];
  if (first === '{') return object(text, at, depth);
  if (first === '[') return array(text, at, depth);
  if (first === '"') return string(text, at);
  for (const word of ['true', 'false', 'null']) {
    if (text.startsWith(word, at)) return at + word.length;
  }
  const digits = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/.exec(text.slice(at, at + 400));
  if (digits === null) throw new Wrong(at, first === undefined ? 'a value is missing at the end' : 'a value is expected here');
  if (!Number.isFinite(Number(digits[0]))) throw new Wrong(at, 'the number is too large');
  return at + digits[0].length;
}

function object(text, at, depth) {
  const keys = new Set();
  let next = space(text, at + 1);
  if (text[next] === '}') return next + 1;
  for (;;) {
    if (text[next] !== '"') throw new Wrong(next, 'a key in double quotes is expected here');
    const end = string(text, next);
    const key = JSON.parse(text.slice(next, end));
    if (keys.has(key)) throw new Wrong(next, `the key ${JSON.stringify(key)} is there twice`);
    keys.add(key);
    next = space(text, end);
    if (text[next] !== ':') throw new Wrong(next, 'a colon is expected here');
    next = space(text, value(text, space(text, next + 1), depth + 1));
    if (text[next] === '}') return next + 1;
    if (text[next] !== ',') throw new Wrong(next, 'a comma or } is expected here');
    next = space(text, next + 1);
  }
}

function array(text, at, depth) {
  let next = space(text, at + 1);
  if (text[next] === ']') return next + 1;
  for (;;) {
    next = space(text, value(text, next, depth + 1));
    if (text[next] === ']') return next + 1;
    if (text[next] !== ',') throw new Wrong(next, 'a comma or ] is expected here');
    next = space(text, next + 1);
  }
}

function string(text, at) {
  for (let next = at + 1; ; next += 1) {
    const letter = text[next];
    if (letter === undefined) throw new Wrong(at, 'the text has no closing quote');
    if (letter === '"') return next + 1;
    if (letter < ' ') throw new Wrong(next, 'a line break or control character must be written as \\n, \\t or \\u…');
    if (letter === '\\') {
      const escape = /^\\(["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(next, next + 6));
      if (escape === null) throw new Wrong(next, 'there is no such escape');
      next += escape[0].length - 1;
    }
  }
}
