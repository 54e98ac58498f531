// Start-up code of the JavaScript kernel. It is evaluated once, before the snapshot from which every context is copied, to a
// function that takes what the C kernel offers and gives back what the C kernel calls:
//
//   native.emit(kind, text)             1 stdout, 2 stderr, 4 display (JSON)
//   native.now()                        milliseconds of a clock that never goes back
//   native.sleep(ms)
//   native.readFile(path)               ArrayBuffer
//   native.writeFile(path, data, append)   data: string or ArrayBuffer
//   native.list(path)                   array of { name, dir }
//   native.stat(path)                   { dir, size, mtimeMs }, or null when nothing is there
//   native.mkdir(path), native.remove(path), native.rename(from, to)
//
//   step()                 runs what is due; milliseconds until the next timer, -1 when there is none
//   result(value, id)      the reply for a cell that ended, as JSON; with "more": true the host runs FINISH next
//   error(thrown, id)      the reply for a cell that threw, as JSON
//
// The file functions throw an Error whose code is the system's name of the fault, as 'EEXIST'.
(native) => {
'use strict';

const STDOUT = 1, STDERR = 2, DISPLAY = 4;
const LONGEST_TEXT = 1 << 18; // characters of one textual form; the host cuts finer
const HOME = '/scratch';
const FINISH = Symbol.for('localengine.finish'); // name of the global function that the host awaits when a cell has more to do
const bootFile = /\(?(<[^>]*>|[^\s(:]+):\d+/.exec(new Error('x').stack ?? '')?.[1];

function define(target, values) {
  for (const name of Reflect.ownKeys(values)) {
    Object.defineProperty(target, name, { value: values[name], writable: true, configurable: true, enumerable: false });
  }
}

// ---- inspection: any value as text, the way Node prints it -----------------------------------------------------------------

const LINE = 76, MOST_ITEMS = 100, MOST_TEXT = 10000;
const TypedArray = Object.getPrototypeOf(Uint8Array);
const bare = /^[A-Za-z_$][\w$]*$/;
const custom = Symbol.for('nodejs.util.inspect.custom');

function quote(s) {
  const mark = !s.includes("'") ? "'" : !s.includes('"') ? '"' : !s.includes('`') && !s.includes('${') ? '`' : "'";
  const escaped = s.replace(/[\\\x00-\x1f\x7f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, (c) => {
    const known = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r', '\b': '\\b', '\f': '\\f', '\v': '\\v' }[c];
    if (known) return known;
    const code = c.charCodeAt(0);
    return code < 256 ? '\\x' + code.toString(16).toUpperCase().padStart(2, '0') : '\\u' + code.toString(16).toUpperCase();
  });
  return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark;
}

function keyText(key) {
  return typeof key === 'symbol' ? `[${key.toString()}]` : bare.test(key) ? key : quote(key);
}

function className(value) {
  for (let o = value; o !== null; o = Object.getPrototypeOf(o)) {
    const own = Object.getOwnPropertyDescriptor(o, 'constructor');
    if (own && typeof own.value === 'function' && own.value.name) return own.value.name;
  }
  return null;
}

function functionText(f) {
  let source = '';
  try { source = Function.prototype.toString.call(f); } catch { /* a function without source */ }
  const named = f.name ? `: ${f.name}` : ' (anonymous)';
  if (source.startsWith('class')) {
    const parent = Object.getPrototypeOf(f)?.name;
    return `[class${f.name ? ` ${f.name}` : ' (anonymous)'}${parent ? ` extends ${parent}` : ''}]`;
  }
  const kind = className(f) ?? 'Function';
  return `[${kind === 'Object' ? 'Function' : kind}${named}]`;
}

function errorText(e, seen) {
  const name = String(e.name ?? 'Error'), message = String(e.message ?? '');
  const frames = stackLines(e);
  let text = (message ? `${name}: ${message}` : name) + (frames.length ? '\n' + frames.join('\n') : '');
  const more = [];
  for (const key of Object.keys(e)) {
    if (key !== 'name' && key !== 'message' && key !== 'stack') more.push(`  ${keyText(key)}: ${inspectNested(e[key], seen, 2)}`);
  }
  if ('cause' in e && !Object.keys(e).includes('cause')) more.push(`  [cause]: ${inspectNested(e.cause, seen, 2)}`);
  if (Array.isArray(e.errors) && !Object.keys(e).includes('errors')) more.push(`  [errors]: ${inspectNested(e.errors, seen, 2)}`);
  if (more.length) text += ` {\n${more.join(',\n')}\n}`;
  return text;
}

// inspectNested is for values inside an error: one level deeper, indented to fit.
function inspectNested(value, seen, indent) {
  return inspect(value, { depth: 2 }, 1, seen).replaceAll('\n', '\n' + ' '.repeat(indent));
}

// stackLines gives the frames of an error that are the user's own.
function stackLines(e) {
  const stack = typeof e.stack === 'string' ? e.stack : '';
  return stack.split('\n').filter((line) => /^\s+at /.test(line) && !(bootFile && line.includes(bootFile))).map((line) => '    ' + line.trim());
}

// property gives "key: value" of one own property; a getter is named, not called.
function property(object, key, options, level, seen) {
  const d = Object.getOwnPropertyDescriptor(object, key);
  let text;
  if (!d) text = 'undefined';
  else if (d.get) text = d.set ? '[Getter/Setter]' : '[Getter]';
  else if (d.set) text = '[Setter]';
  else text = inspect(d.value, options, level + 1, seen);
  return text;
}

// columns puts many short items of an array side by side, numbers to the right.
function columns(items, numbers) {
  const widest = Math.max(...items.map((s) => s.length)) + 2;
  const average = items.reduce((n, s) => n + s.length + 2, 0) / items.length;
  if (widest * 3 > LINE || (average * items.length / widest <= 5 && widest > 8)) return items;
  const width = Math.max(1, widest - 2 - Math.sqrt(widest - average)); // about a square, as letters are 2.5 times as high as wide
  const across = Math.min(12, Math.floor(LINE / widest), Math.round(Math.sqrt(2.5 * width * items.length) / width));
  if (across <= 1) return items;
  const widths = Array.from({ length: across }, (_, c) => {
    let w = 0;
    for (let i = c; i < items.length; i += across) w = Math.max(w, items[i].length);
    return w;
  });
  const rows = [];
  for (let i = 0; i < items.length; i += across) {
    const row = items.slice(i, i + across);
    rows.push(row.map((s, c) => {
      const last = c === row.length - 1;
      if (numbers) return s.padStart(widths[c]);
      return last ? s : (s + ',').padEnd(widths[c] + 1);
    }).join(numbers ? ', ' : ' '));
  }
  return rows;
}

// lay joins parts on one line when they are short and shallow, else puts each on its own.
function lay(prefix, open, close, parts, level, deep, keepLines) {
  const lead = prefix ? prefix + ' ' : '';
  if (parts.length === 0) return `${lead}${open}${close}`;
  if (!keepLines && !deep && parts.every((p) => !p.includes('\n'))) {
    const line = parts.join(', ');
    if (line.length + parts.length + lead.length + level * 2 <= LINE) return `${lead}${open} ${line} ${close}`;
  }
  return `${lead}${open}\n  ${parts.map((p) => p.replaceAll('\n', '\n  ')).join(',\n  ')}\n${close}`;
}

const height = (value, most) => { // how many levels of objects are inside, up to most
  if (value === null || typeof value !== 'object' || most <= 0) return 0;
  let h = 0;
  for (const key of Object.keys(value).slice(0, 20)) {
    const d = Object.getOwnPropertyDescriptor(value, key);
    if (d && d.value !== null && typeof d.value === 'object') h = Math.max(h, 1 + height(d.value, most - 1));
    if (h >= most) break;
  }
  return h;
};

let circles = null; // values that contain themselves, with their numbers, while one inspection lasts

// inspect writes value as text; a value that contains itself is numbered.
function inspect(value, options = {}, level = 0, seen = []) {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return describe(value, options, level, seen);
  const outer = circles;
  circles ??= new Map();
  try {
    const text = describe(value, options, level, seen);
    const number = seen.includes(value) ? undefined : circles.get(value);
    return number === undefined ? text : `<ref *${number}> ${text}`;
  } finally {
    circles = outer;
  }
}

// describe writes value as text. options.depth is how many levels of nesting are shown; level and seen are for its own calls.
function describe(value, options, level, seen) {
  switch (typeof value) {
    case 'string': {
      const cut = value.length > MOST_TEXT && level > 0;
      return quote(cut ? value.slice(0, MOST_TEXT) : value) + (cut ? `... ${value.length - MOST_TEXT} more characters` : '');
    }
    case 'number': return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint': return `${value}n`;
    case 'symbol': return value.toString();
    case 'undefined': case 'boolean': return String(value);
  }
  if (value === null) return 'null';
  if (seen.includes(value)) {
    if (!circles.has(value)) circles.set(value, circles.size + 1);
    return `[Circular *${circles.get(value)}]`;
  }
  if (typeof value[custom] === 'function' && value[custom] !== inspect) {
    try {
      const own = value[custom]((options.depth ?? 2) - level, options, inspect);
      if (own !== value) return typeof own === 'string' ? own : inspect(own, options, level, seen);
    } catch { /* fall back to the ordinary form */ }
  }
  const within = [...seen, value];
  const nested = (v) => inspect(v, options, level + 1, within);
  const name = className(value);
  const tag = typeof value[Symbol.toStringTag] === 'string' && value[Symbol.toStringTag] !== name ? `[${value[Symbol.toStringTag]}]` : '';
  const titled = (usual, size) => {
    const title = name === null ? `[${usual || 'Object'}: null prototype]` : name === usual && size === undefined && !tag ? '' : name;
    return [size === undefined ? title : `${title}(${size})`, tag].filter(Boolean).join(' ');
  };
  let keys = Object.keys(value).concat(Object.getOwnPropertySymbols(value).filter((s) => Object.prototype.propertyIsEnumerable.call(value, s)));
  let prefix = '', open = '{', close = '}', parts = [], list = false;
  const many = (size) => { if (size > MOST_ITEMS) parts.push(`... ${size - MOST_ITEMS} more item${size - MOST_ITEMS > 1 ? 's' : ''}`); };
  const boxed = (text) => (keys.length ? text : null);

  if (typeof value === 'function') {
    prefix = functionText(value);
    if (!keys.length) return prefix;
  } else if (value instanceof Error) {
    return errorText(value, within);
  } else if (value instanceof Date) {
    prefix = Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (!boxed(prefix)) return prefix;
  } else if (value instanceof RegExp) {
    prefix = String(value);
    if (!boxed(prefix)) return prefix;
  } else if (value instanceof Number || value instanceof String || value instanceof Boolean) {
    prefix = `[${name}: ${inspect(value.valueOf())}]`;
    keys = keys.filter((k) => !/^\d+$/.test(String(k)));
    if (!keys.length) return prefix;
  } else if (level > (options.depth ?? 2)) {
    return Array.isArray(value) ? '[Array]' : `[${titled('') || 'Object'}]`;
  } else if (Array.isArray(value)) {
    prefix = titled('Array', name === 'Array' ? undefined : value.length);
    [open, close, list] = ['[', ']', true];
    let holes = 0, shown = 0, i = 0;
    const flush = () => { if (holes) { parts.push(`<${holes} empty item${holes > 1 ? 's' : ''}>`); holes = 0; shown++; } };
    for (; i < value.length && shown < MOST_ITEMS; i++) {
      if (!(i in value)) { holes++; continue; }
      flush();
      parts.push(property(value, i, options, level, within));
      shown++;
    }
    flush();
    if (i < value.length) many(value.length - i + MOST_ITEMS);
    keys = keys.filter((k) => !(typeof k === 'string' && /^\d+$/.test(k)));
  } else if (value instanceof TypedArray) {
    prefix = titled(name, value.length);
    [open, close, list] = ['[', ']', true];
    parts = Array.from(value.subarray(0, MOST_ITEMS), (v) => inspect(v));
    many(value.length);
    keys = keys.filter((k) => !/^\d+$/.test(String(k)));
  } else if (value instanceof Map) {
    prefix = titled('Map', value.size);
    for (const [k, v] of value) {
      if (parts.length === MOST_ITEMS) break;
      parts.push(`${nested(k)} => ${nested(v)}`);
    }
    many(value.size);
  } else if (value instanceof Set) {
    prefix = titled('Set', value.size);
    for (const v of value) {
      if (parts.length === MOST_ITEMS) break;
      parts.push(nested(v));
    }
    many(value.size);
  } else if (value instanceof ArrayBuffer) {
    prefix = 'ArrayBuffer';
    const bytes = new Uint8Array(value, 0, Math.min(50, value.byteLength));
    const rest = value.byteLength - bytes.length;
    parts.push(`[Uint8Contents]: <${Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(' ')}${rest ? ` ... ${rest} more bytes` : ''}>`, `byteLength: ${value.byteLength}`);
  } else if (value instanceof Promise) {
    prefix = 'Promise';
    if (!keys.length) return 'Promise {}';
  } else if (value instanceof WeakMap || value instanceof WeakSet) {
    return `${name} { <items unknown> }`;
  } else if (Object.prototype.toString.call(value) === '[object Arguments]') {
    [prefix, open, close, list] = ['[Arguments]', '[', ']', true];
    parts = Array.from(value, nested);
    keys = [];
  } else {
    prefix = titled('Object');
  }

  const most = 1000;
  for (const key of keys.slice(0, most)) parts.push(`${keyText(key)}: ${property(value, key, options, level, within)}`);
  if (keys.length > most) parts.push(`... ${keys.length - most} more properties`);
  if (list && parts.length > 6 && keys.length === 0 && parts.every((p) => p.length <= 20 && !p.includes('\n'))) {
    const tail = parts.at(-1).startsWith('... ') ? [parts.pop()] : [];
    const numbers = Array.from(value).slice(0, parts.length).every((v) => typeof v === 'number' || typeof v === 'bigint');
    const rows = columns(parts, numbers);
    return lay(prefix, open, close, [...rows, ...tail], level, false, rows.length !== parts.length);
  }
  return lay(prefix, open, close, parts, level, height(value, Math.min(3, (options.depth ?? 2) - level)) > 2, false);
}

function format(...args) {
  let text = '';
  if (typeof args[0] === 'string' && args.length > 1 && args[0].includes('%')) {
    const pattern = args.shift();
    text = pattern.replace(/%([sdifjoOc%])/g, (whole, kind) => {
      if (kind === '%') return '%';
      if (!args.length) return whole;
      const v = args.shift();
      switch (kind) {
        case 's': return typeof v === 'string' ? v : typeof v === 'object' && v !== null ? inspect(v, { depth: 0 }) : typeof v === 'function' ? functionText(v) : inspect(v);
        case 'd': return typeof v === 'bigint' ? `${v}n` : typeof v === 'object' || typeof v === 'symbol' ? 'NaN' : String(Number(v));
        case 'i': return typeof v === 'bigint' ? `${v}n` : String(typeof v === 'symbol' ? NaN : parseInt(v, 10));
        case 'f': return String(typeof v === 'symbol' ? NaN : parseFloat(v));
        case 'j': try { return JSON.stringify(v); } catch { return '[Circular]'; }
        case 'c': return '';
        default: return inspect(v, { depth: 4 });
      }
    });
    if (args.length) text += ' ';
  }
  return text + args.map((v) => (typeof v === 'string' ? v : inspect(v))).join(' ');
}

// ---- console ----------------------------------------------------------------------------------------------------------------

let indent = '';
const counts = new Map(), started = new Map();

function say(kind, text) {
  native.emit(kind, (indent ? indent + text.replaceAll('\n', '\n' + indent) : text) + '\n');
}

function table(data, only) {
  if (data === null || typeof data !== 'object') return say(STDOUT, format(data));
  const rows = data instanceof Map ? [...data].map(([k, v]) => [inspect(k), v]) : data instanceof Set ? [...data].map((v, i) => [String(i), v]) : Object.entries(data);
  const heads = [], body = [];
  let values = false;
  for (const [index, row] of rows) {
    const cells = new Map();
    if (row !== null && typeof row === 'object') {
      for (const key of only ?? Object.keys(row)) {
        if (!heads.includes(key)) heads.push(key);
        if (Object.hasOwn(row, key)) cells.set(key, inspect(row[key], { depth: 0 }));
      }
    } else {
      values = true;
      cells.set(table, inspect(row));
    }
    body.push([index, cells]);
  }
  const titles = ['(index)', ...heads.map(String), ...(values ? ['Values'] : [])];
  const lines = body.map(([index, cells]) => [index, ...[...heads, ...(values ? [table] : [])].map((h) => cells.get(h) ?? '')]);
  const widths = titles.map((t, i) => Math.max(t.length, ...lines.map((l) => l[i].length)) + 2);
  const rule = (l, m, r) => l + widths.map((w) => '─'.repeat(w)).join(m) + r;
  const row = (cells) => '│' + cells.map((c, i) => (' ' + c).padEnd(widths[i])).join('│') + '│';
  say(STDOUT, [rule('┌', '┬', '┐'), row(titles), rule('├', '┼', '┤'), ...lines.map(row), rule('└', '┴', '┘')].join('\n'));
}

function elapsed(label) {
  if (!started.has(label)) return null;
  const ms = native.now() - started.get(label);
  return `${label}: ${ms < 1000 ? ms.toFixed(3).replace(/\.?0+$/, '') + 'ms' : (ms / 1000).toFixed(3) + 's'}`;
}

const console = {
  log: (...args) => say(STDOUT, format(...args)),
  info: (...args) => say(STDOUT, format(...args)),
  debug: (...args) => say(STDOUT, format(...args)),
  warn: (...args) => say(STDERR, format(...args)),
  error: (...args) => say(STDERR, format(...args)),
  trace: (...args) => say(STDERR, ['Trace' + (args.length ? ': ' + format(...args) : ''), ...stackLines(new Error('trace'))].join('\n')),
  dir: (value, options) => say(STDOUT, inspect(value, options ?? {})),
  dirxml: (...args) => say(STDOUT, format(...args)),
  table,
  assert(ok, ...args) {
    if (ok) return;
    if (typeof args[0] === 'string') args[0] = `Assertion failed: ${args[0]}`;
    else args.unshift(args.length ? 'Assertion failed:' : 'Assertion failed');
    say(STDERR, format(...args));
  },
  count(label = 'default') {
    label = String(label);
    counts.set(label, (counts.get(label) ?? 0) + 1);
    say(STDOUT, `${label}: ${counts.get(label)}`);
  },
  countReset: (label = 'default') => { counts.delete(String(label)); },
  time: (label = 'default') => { started.set(String(label), native.now()); },
  timeLog: (label = 'default', ...args) => say(STDOUT, format(elapsed(String(label)) ?? `No such label '${label}'`, ...args)),
  timeEnd(label = 'default') {
    say(STDOUT, elapsed(String(label)) ?? `No such label '${label}'`);
    started.delete(String(label));
  },
  group(...args) {
    if (args.length) say(STDOUT, format(...args));
    indent += '  ';
  },
  groupEnd: () => { indent = indent.slice(2); },
};
console.groupCollapsed = console.group;

// ---- timers -----------------------------------------------------------------------------------------------------------------

const timers = new Map();
let nextTimer = 1;

class Timeout {
  #id;
  constructor(id) { this.#id = id; }
  [Symbol.toPrimitive]() { return this.#id; }
  ref() { return this; }
  unref() { return this; }
  hasRef() { return true; }
  refresh() {
    const timer = timers.get(this.#id);
    if (timer) timer.at = native.now() + timer.wait;
    return this;
  }
  [custom]() { return `Timeout(${this.#id})`; }
}

function addTimer(callback, wait, args, repeat) {
  if (typeof callback !== 'function') throw new TypeError(`The callback of a timer must be a function, not ${inspect(callback)}`);
  wait = Math.min(Math.max(1, Number(wait) || 1), 2 ** 31 - 1);
  const id = nextTimer++;
  timers.set(id, { id, callback, args, wait, at: native.now() + wait, repeat });
  return new Timeout(id);
}

function clearTimer(id) {
  timers.delete(typeof id === 'object' && id !== null ? Number(id) : Number(id));
}

function uncaught(e) {
  say(STDERR, 'Uncaught ' + (e instanceof Error ? errorText(e, []) : inspect(e)));
}

// step runs the first due timer, so that promise jobs run between two timers as they do elsewhere. It is called when no job is
// left, so it is also where a cell that has been finishing is found to be done.
function step() {
  let first;
  if (finishing && finishing.done()) return 0;
  for (const timer of timers.values()) if (!first || timer.at < first.at) first = timer; // equal times: the older one
  if (!first) return -1;
  const now = native.now();
  if (first.at > now) return Math.ceil(first.at - now);
  if (first.repeat) first.at = now + first.wait;
  else timers.delete(first.id);
  try {
    first.callback(...first.args);
  } catch (e) {
    uncaught(e);
  }
  return 0;
}

// ---- what a cell leaves running -------------------------------------------------------------------------------------------------

// A cell ends as a program does elsewhere: when the promise that is its value has settled, and no setTimeout it left is still to
// come. Intervals alone do not hold it.

let left;           // value of the cell that is to be finished
let finishing = null; // while it is

const oneShot = () => [...timers.values()].some((timer) => !timer.repeat);

function hasMore(value) {
  return value instanceof Promise || oneShot();
}

function finish() {
  return new Promise((resolve, reject) => {
    const value = left;
    let settled = !(value instanceof Promise), end = () => resolve(value instanceof Timeout ? undefined : value);
    if (!settled) {
      end = () => resolve({ [unsettled]: value });
      value.then((v) => { [settled, end] = [true, () => resolve(v)]; }, (e) => { [settled, end] = [true, () => reject(e)]; });
    }
    left = undefined;
    finishing = {
      done() {
        if (oneShot() || (!settled && timers.size > 0)) return false;
        finishing = null;
        end();
        return true;
      },
    };
  });
}

const unsettled = Symbol('unsettled'); // wraps a promise, which resolve would wait for

// ---- text and bytes ----------------------------------------------------------------------------------------------------------

function utf8(text) {
  text = String(text).toWellFormed();
  const bytes = new Uint8Array(text.length * 3);
  let n = 0;
  for (let i = 0; i < text.length; i++) {
    let c = text.charCodeAt(i);
    if (c < 0x80) { bytes[n++] = c; continue; }
    if (c < 0x800) { bytes[n++] = 0xc0 | c >> 6; bytes[n++] = 0x80 | c & 63; continue; }
    if (c >= 0xd800 && c < 0xdc00) {
      c = 0x10000 + ((c & 0x3ff) << 10 | text.charCodeAt(++i) & 0x3ff);
      bytes[n++] = 0xf0 | c >> 18;
      bytes[n++] = 0x80 | c >> 12 & 63;
    } else {
      bytes[n++] = 0xe0 | c >> 12;
    }
    bytes[n++] = 0x80 | c >> 6 & 63;
    bytes[n++] = 0x80 | c & 63;
  }
  return bytes.slice(0, n);
}

function fromUTF8(bytes, fatal, keepMark) {
  let out = '', codes = [];
  const put = (c) => {
    codes.push(c);
    if (codes.length >= 4096) { out += String.fromCodePoint.apply(null, codes); codes = []; }
  };
  let i = !keepMark && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (i < bytes.length) {
    const b = bytes[i++];
    if (b < 0x80) { put(b); continue; }
    let need = b >= 0xc2 && b <= 0xdf ? 1 : b >= 0xe0 && b <= 0xef ? 2 : b >= 0xf0 && b <= 0xf4 ? 3 : 0;
    let low = b === 0xe0 ? 0xa0 : b === 0xf0 ? 0x90 : 0x80, high = b === 0xed ? 0x9f : b === 0xf4 ? 0x8f : 0xbf;
    let c = need === 1 ? b & 31 : need === 2 ? b & 15 : b & 7, bad = need === 0;
    for (; need > 0; need--) {
      const next = bytes[i];
      if (!(next >= low && next <= high)) { bad = true; break; }
      [low, high] = [0x80, 0xbf];
      c = c << 6 | next & 63;
      i++;
    }
    if (bad && fatal) throw new TypeError('The encoded data was not valid UTF-8');
    put(bad ? 0xfffd : c);
  }
  return out + String.fromCodePoint.apply(null, codes);
}

function bytesOf(data, what = 'data') {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError(`The ${what} must be text, an ArrayBuffer or a typed array, not ${inspect(data, { depth: 0 })}`);
}

class TextEncoder {
  get encoding() { return 'utf-8'; }
  encode(text = '') { return utf8(text); }
  encodeInto(text, target) {
    const all = utf8(text);
    let n = Math.min(all.length, target.length);
    while (n > 0 && n < all.length && (all[n] & 0xc0) === 0x80) n--;
    target.set(all.subarray(0, n));
    return { read: fromUTF8(all.subarray(0, n), false, true).length, written: n };
  }
}

class TextDecoder {
  #fatal; #keepMark; #rest = new Uint8Array(0); #latin;
  constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
    const name = String(label).trim().toLowerCase();
    if (!['utf-8', 'utf8', 'unicode-1-1-utf-8', 'latin1', 'iso-8859-1', 'ascii', 'us-ascii'].includes(name)) {
      throw new RangeError(`The encoding '${label}' is not available; utf-8 and latin1 are`);
    }
    this.#latin = !name.includes('utf');
    this.#fatal = fatal;
    this.#keepMark = ignoreBOM;
  }
  get encoding() { return this.#latin ? 'windows-1252' : 'utf-8'; }
  get fatal() { return this.#fatal; }
  get ignoreBOM() { return this.#keepMark; }
  decode(data = new Uint8Array(0), { stream = false } = {}) {
    let bytes = bytesOf(data);
    if (this.#latin) return latin(bytes);
    if (this.#rest.length) bytes = concat([this.#rest, bytes]);
    let end = bytes.length;
    if (stream) { // hold back a character that is cut at the end
      for (let back = 1; back <= 3 && back <= bytes.length; back++) {
        const b = bytes[bytes.length - back];
        if ((b & 0xc0) === 0x80) continue;
        if ((b >= 0xf0 && back < 4) || (b >= 0xe0 && back < 3) || (b >= 0xc0 && back < 2)) end = bytes.length - back;
        break;
      }
    }
    this.#rest = bytes.slice(end);
    return fromUTF8(bytes.subarray(0, end), this.#fatal, this.#keepMark);
  }
}

function concat(list) {
  const all = new Uint8Array(list.reduce((n, b) => n + b.length, 0));
  let at = 0;
  for (const b of list) { all.set(b, at); at += b.length; }
  return all;
}

function latin(bytes) {
  let out = '';
  for (let i = 0; i < bytes.length; i += 4096) out += String.fromCharCode.apply(null, bytes.subarray(i, i + 4096));
  return out;
}

const digits64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function toBase64(bytes) {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const n = bytes[i] << 16 | (bytes[i + 1] ?? 0) << 8 | (bytes[i + 2] ?? 0), left = bytes.length - i;
    out += digits64[n >> 18] + digits64[n >> 12 & 63] + (left > 1 ? digits64[n >> 6 & 63] : '=') + (left > 2 ? digits64[n & 63] : '=');
  }
  return out;
}

function fromBase64(text, strict) {
  text = text.replace(/[\t\n\f\r ]/g, '');
  if (strict ? text.length % 4 === 0 : true) text = text.replace(/={1,2}$/, '');
  if (!strict) text = text.replaceAll('-', '+').replaceAll('_', '/').replace(/[^A-Za-z0-9+/].*$/s, '');
  if (strict && (text.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(text))) throw new Error('The string to be decoded is not correctly encoded.');
  const bytes = new Uint8Array(text.length * 3 >> 2);
  let n = 0, bits = 0, have = 0;
  for (const c of text) {
    bits = bits << 6 | digits64.indexOf(c);
    if ((have += 6) >= 8) bytes[n++] = bits >> (have -= 8) & 255;
  }
  return bytes;
}

function btoa(text) {
  const codes = Array.from(String(text), (c) => c.codePointAt(0));
  if (codes.some((c) => c > 255)) throw new Error('The string to be encoded contains characters outside of the Latin1 range.');
  return toBase64(Uint8Array.from(codes));
}

const atob = (text) => latin(fromBase64(String(text), true));

function encoded(text, encoding = 'utf8') {
  switch (String(encoding).toLowerCase()) {
    case 'utf8': case 'utf-8': return utf8(text);
    case 'latin1': case 'binary': case 'ascii': return Uint8Array.from(text, (c) => c.charCodeAt(0) & 255);
    case 'base64': case 'base64url': return fromBase64(text, false);
    case 'hex': return Uint8Array.from(text.match(/[0-9a-f]{2}/gi) ?? [], (h) => parseInt(h, 16));
  }
  throw new TypeError(`Unknown encoding: ${encoding}`);
}

function decoded(bytes, encoding = 'utf8') {
  switch (String(encoding).toLowerCase()) {
    case 'utf8': case 'utf-8': return fromUTF8(bytes, false, true);
    case 'latin1': case 'binary': return latin(bytes);
    case 'ascii': return latin(bytes.map((b) => b & 127));
    case 'base64': return toBase64(bytes);
    case 'base64url': return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
    case 'hex': return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
  }
  throw new TypeError(`Unknown encoding: ${encoding}`);
}

// Buffer is the part of Node's that small programs use.
class Buffer extends Uint8Array {
  static from(data, encodingOrOffset, length) {
    if (typeof data === 'string') return Buffer.#own(encoded(data, encodingOrOffset));
    if (data instanceof ArrayBuffer) return new Buffer(data, encodingOrOffset, length);
    return Buffer.#own(Uint8Array.from(data));
  }
  static #own(bytes) { return new Buffer(bytes.buffer, bytes.byteOffset, bytes.length); }
  static alloc(size, fill = 0, encoding) {
    const buffer = new Buffer(size);
    if (typeof fill === 'number') return fill ? buffer.fill(fill) : buffer;
    const unit = typeof fill === 'string' ? encoded(fill, encoding) : bytesOf(fill);
    for (let i = 0; unit.length && i < size; i++) buffer[i] = unit[i % unit.length];
    return buffer;
  }
  static allocUnsafe(size) { return new Buffer(size); }
  static concat(list) { return Buffer.#own(concat(list)); }
  static byteLength(data, encoding) { return typeof data === 'string' ? encoded(data, encoding).length : data.byteLength; }
  static isBuffer(value) { return value instanceof Buffer; }
  static compare(a, b) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
    return Math.sign(a.length - b.length);
  }
  toString(encoding, start = 0, end = this.length) { return decoded(new Uint8Array(this.buffer, this.byteOffset, this.length).subarray(start, end), encoding); }
  toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
  equals(other) { return Buffer.compare(this, other) === 0; }
  slice(start, end) { return this.subarray(start, end); }
  write(text, offset = 0) {
    const bytes = utf8(text).subarray(0, this.length - offset);
    this.set(bytes, offset);
    return bytes.length;
  }
  [custom]() {
    const shown = Array.from(this.subarray(0, 50), (b) => b.toString(16).padStart(2, '0')).join(' ');
    return `<Buffer${shown ? ' ' + shown : ''}${this.length > 50 ? ` ... ${this.length - 50} more bytes` : ''}>`;
  }
}

// ---- addresses ------------------------------------------------------------------------------------------------------------------

const percent = (text, unsafe) => text.toWellFormed().replace(unsafe, (c) => Array.from(utf8(c), (b) => '%' + b.toString(16).toUpperCase().padStart(2, '0')).join(''));
const IN_PATH = /[\x00-\x20"#<>?`{}\x7f]|[^\x00-\x7f]+/g, IN_QUERY = /[\x00-\x20"#'<>\x7f]|[^\x00-\x7f]+/g, IN_HASH = /[\x00-\x20"<>`\x7f]|[^\x00-\x7f]+/g;
const IN_USER = /[\x00-\x20"#<>?`{}/:;=@[\\\]^|\x7f]|[^\x00-\x7f]+/g, IN_FORM = /[^A-Za-z0-9*\-._ ]+/g;
const usualPort = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443', 'ftp:': '21', 'file:': '' };

function unescapeForm(text) {
  const bytes = utf8(text.replaceAll('+', ' ')), out = [];
  for (let i = 0; i < bytes.length; i++) {
    const hex = bytes[i] === 0x25 ? String.fromCharCode(bytes[i + 1] ?? 0, bytes[i + 2] ?? 0) : '';
    if (/^[0-9a-f]{2}$/i.test(hex)) { out.push(parseInt(hex, 16)); i += 2; } else out.push(bytes[i]);
  }
  return fromUTF8(Uint8Array.from(out));
}

class URLSearchParams {
  #pairs = []; #changed;
  constructor(init = '', changed = () => {}) {
    this.#changed = changed;
    if (typeof init === 'object' && init !== null) {
      for (const [name, value] of typeof init[Symbol.iterator] === 'function' ? init : Object.entries(init)) this.#pairs.push([String(name), String(value)]);
    } else {
      for (const part of String(init).replace(/^\?/, '').split('&')) {
        if (!part) continue;
        const at = part.indexOf('=');
        this.#pairs.push(at < 0 ? [unescapeForm(part), ''] : [unescapeForm(part.slice(0, at)), unescapeForm(part.slice(at + 1))]);
      }
    }
  }
  get size() { return this.#pairs.length; }
  append(name, value) { this.#pairs.push([String(name), String(value)]); this.#changed(this); }
  delete(name, value) { this.#pairs = this.#pairs.filter(([n, v]) => n !== String(name) || (value !== undefined && v !== String(value))); this.#changed(this); }
  get(name) { return this.#pairs.find(([n]) => n === String(name))?.[1] ?? null; }
  getAll(name) { return this.#pairs.filter(([n]) => n === String(name)).map(([, v]) => v); }
  has(name, value) { return this.#pairs.some(([n, v]) => n === String(name) && (value === undefined || v === String(value))); }
  set(name, value) {
    const at = this.#pairs.findIndex(([n]) => n === String(name));
    this.#pairs = this.#pairs.filter(([n], i) => n !== String(name) || i === at);
    if (at < 0) this.#pairs.push([String(name), String(value)]);
    else this.#pairs[at][1] = String(value);
    this.#changed(this);
  }
  sort() { this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)); this.#changed(this); }
  forEach(f, self) { for (const [name, value] of this) f.call(self, value, name, this); }
  * entries() { for (const [name, value] of this.#pairs) yield [name, value]; }
  * keys() { for (const [name] of this.#pairs) yield name; }
  * values() { for (const [, value] of this.#pairs) yield value; }
  [Symbol.iterator]() { return this.entries(); }
  toString() { return this.#pairs.map((pair) => pair.map((s) => percent(s, IN_FORM).replaceAll(' ', '+')).join('=')).join('&'); }
  [custom]() { return `URLSearchParams {${this.#pairs.length ? ` ${this.#pairs.map(([n, v]) => `${quote(n)} => ${quote(v)}`).join(', ')} ` : ''}}`; }
}

// URL covers the addresses of web pages and files. Names of hosts are taken as they are: there is no punycode.
class URL {
  #at; #params;
  constructor(address, base) {
    this.#at = URL.#parse(String(address).trim(), base === undefined ? null : new URL(base).#at);
    this.#params = new URLSearchParams(this.#at.search, (params) => { this.#at.search = params.size ? `?${params}` : ''; });
  }
  static canParse(address, base) {
    try { return Boolean(new URL(address, base)); } catch { return false; }
  }
  static parse(address, base) {
    try { return new URL(address, base); } catch { return null; }
  }
  static #parse(text, base) {
    const [, scheme, rest] = /^(?:([A-Za-z][A-Za-z0-9+.-]*:))?([^]*)$/.exec(text);
    const [, before, query = '', hash = ''] = /^([^?#]*)(\?[^#]*)?(#[^]*)?$/.exec(rest);
    const bad = () => Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: text });
    const at = { protocol: (scheme ?? base?.protocol)?.toLowerCase(), username: '', password: '', hostname: '', port: '', pathname: '', search: query.length > 1 ? '?' + percent(query.slice(1), IN_QUERY) : '', hash: hash.length > 1 ? '#' + percent(hash.slice(1), IN_HASH) : '' };
    if (at.protocol === undefined || (!scheme && base.opaque && before + query)) throw bad();
    const special = Object.hasOwn(usualPort, at.protocol), body = special ? before.replaceAll('\\', '/') : before;
    at.opaque = !special && !body.startsWith('/') && (Boolean(scheme) || base.opaque);
    if (at.opaque) return { ...at, pathname: percent(body, /[\x00-\x1f\x7f]|[^\x00-\x7f]+/g) };
    let whole = body;
    if (body.startsWith('//') || (scheme && special && at.protocol !== 'file:')) {
      const [, authority, path] = (special && at.protocol !== 'file:' ? /^\/*([^/]*)([^]*)$/ : /^\/\/([^/]*)([^]*)$/).exec(body);
      const [, user, password, name, port] = /^(?:([^:@]*)(?::([^]*))?@)?(\[[0-9A-Fa-f:.]+\]|[^:@[\]]*)(?::(\d*))?$/.exec(authority) ?? [];
      if (name === undefined || /[\x00-\x20#%<>?@\\^|]/.test(name) || (special && !name && at.protocol !== 'file:') || Number(port) > 65535) throw bad();
      Object.assign(at, { username: percent(user ?? '', IN_USER), password: percent(password ?? '', IN_USER), hostname: special ? name.toLowerCase() : name, port: port && String(Number(port)) !== usualPort[at.protocol] ? String(Number(port)) : '' });
      whole = path;
    } else if (base && !scheme) {
      for (const part of ['username', 'password', 'hostname', 'port']) at[part] = base[part];
      if (!body) Object.assign(at, { search: query ? at.search : base.search });
      whole = body.startsWith('/') ? body : body ? base.pathname.replace(/[^/]*$/, '') + body : base.pathname;
    }
    const parts = [], pieces = whole.split('/').slice(whole.startsWith('/') ? 1 : 0);
    pieces.forEach((piece, i) => {
      const last = i === pieces.length - 1;
      if (/^(\.|%2e){2}$/i.test(piece)) { parts.pop(); if (last) parts.push(''); } else if (/^(\.|%2e)$/i.test(piece)) { if (last) parts.push(''); } else parts.push(percent(piece, IN_PATH));
    });
    at.pathname = whole || special ? '/' + parts.join('/') : '';
    return at;
  }
  #replace(part, value) { this.#at[part] = value; }
  get protocol() { return this.#at.protocol; }
  set protocol(v) { this.#replace('protocol', String(v).replace(/:.*$/, '').toLowerCase() + ':'); }
  get username() { return this.#at.username; }
  set username(v) { this.#replace('username', percent(String(v), IN_USER)); }
  get password() { return this.#at.password; }
  set password(v) { this.#replace('password', percent(String(v), IN_USER)); }
  get hostname() { return this.#at.hostname; }
  set hostname(v) { this.#replace('hostname', String(v).toLowerCase()); }
  get port() { return this.#at.port; }
  set port(v) { this.#replace('port', String(v) === usualPort[this.protocol] ? '' : String(v)); }
  get host() { return this.hostname + (this.port ? `:${this.port}` : ''); }
  set host(v) { [this.hostname, this.port] = [...String(v).split(/:(?=\d*$)/), '']; }
  get origin() { return Object.hasOwn(usualPort, this.protocol) && this.protocol !== 'file:' ? `${this.protocol}//${this.host}` : 'null'; }
  get pathname() { return this.#at.pathname; }
  set pathname(v) { this.#replace('pathname', URL.#parse(`http://x/${String(v).replace(/^\//, '').replaceAll('?', '%3F').replaceAll('#', '%23')}`, null).pathname); }
  get search() { return this.#at.search; }
  set search(v) {
    const text = String(v).replace(/^\?/, '');
    this.#replace('search', text ? '?' + percent(text, IN_QUERY) : '');
    this.#params = new URLSearchParams(this.#at.search, (params) => { this.#at.search = params.size ? `?${params}` : ''; });
  }
  get hash() { return this.#at.hash; }
  set hash(v) { this.#replace('hash', String(v).replace(/^#/, '') ? '#' + percent(String(v).replace(/^#/, ''), IN_HASH) : ''); }
  get searchParams() { return this.#params; }
  get href() {
    const user = this.username || this.password ? `${this.username}${this.password ? `:${this.password}` : ''}@` : '';
    const authority = this.#at.hostname || this.protocol === 'file:' ? `//${user}${this.host}` : '';
    return this.protocol + authority + this.pathname + this.search + this.hash;
  }
  toString() { return this.href; }
  toJSON() { return this.href; }
  [custom](depth, options, show) {
    const names = ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'searchParams', 'hash'];
    return `URL ${show(Object.fromEntries(names.map((name) => [name, this[name]])))}`;
  }
}

// ---- copies of values -----------------------------------------------------------------------------------------------------------

function structuredClone(value, seen = new Map()) {
  if (typeof value === 'function' || typeof value === 'symbol') {
    const e = new Error(`${typeof value === 'symbol' ? value.toString() : functionText(value)} could not be cloned.`);
    e.name = 'DataCloneError';
    throw e;
  }
  if (value === null || typeof value !== 'object') return value;
  if (seen.has(value)) return seen.get(value);
  const keep = (copy) => { seen.set(value, copy); return copy; };
  const inner = (v) => structuredClone(v, seen);
  if (value instanceof Date) return keep(new Date(value.getTime()));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return keep(Object(value.valueOf()));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (value instanceof DataView) return keep(new DataView(inner(value.buffer), value.byteOffset, value.byteLength));
  if (value instanceof TypedArray) {
    const Kind = value instanceof Buffer ? Uint8Array : value.constructor;
    return keep(new Kind(inner(value.buffer), value.byteOffset, value.length));
  }
  if (value instanceof Map) {
    const copy = keep(new Map());
    for (const [k, v] of value) copy.set(inner(k), inner(v));
    return copy;
  }
  if (value instanceof Set) {
    const copy = keep(new Set());
    for (const v of value) copy.add(inner(v));
    return copy;
  }
  if (value instanceof Error) {
    const Kind = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError }[value.name] ?? Error;
    const copy = keep(new Kind(value.message));
    define(copy, { stack: value.stack });
    if ('cause' in value) define(copy, { cause: inner(value.cause) });
    return copy;
  }
  const copy = keep(Array.isArray(value) ? new Array(value.length) : {});
  for (const key of Object.keys(value)) copy[key] = inner(value[key]);
  return copy;
}

// ---- files --------------------------------------------------------------------------------------------------------------------

const faults = {
  EACCES: 'permission denied', EEXIST: 'file already exists', EINVAL: 'invalid argument', EISDIR: 'illegal operation on a directory', EMFILE: 'too many open files', ENAMETOOLONG: 'name too long',
  ENOENT: 'no such file or directory', ENOSPC: 'no space left in the scratch folder', ENOTDIR: 'not a directory', ENOTEMPTY: 'directory not empty', EPERM: 'operation not permitted', EROFS: 'read-only file system',
};

function place(path) {
  if (path instanceof Uint8Array) path = fromUTF8(path, false, true);
  if (typeof path !== 'string') throw new TypeError(`The path must be a string, not ${inspect(path, { depth: 0 })}`);
  return path.startsWith('/') ? path : `${HOME}/${path}`;
}

// fault is a file error worded as Node words it.
function fault(code, call, path, to) {
  const e = new Error(`${code}: ${faults[code] ?? 'the operation failed'}, ${call} '${path}'${to === undefined ? '' : ` -> '${to}'`}`);
  return Object.assign(e, { code, syscall: call, path });
}

function attempt(call, path, work, to) {
  const where = place(path);
  try {
    return work(where);
  } catch (e) {
    throw typeof e?.code === 'string' ? fault(e.code, call, path, to) : e;
  }
}

// about is what stat says, or null.
function about(path) {
  return attempt('stat', path, (p) => native.stat(p));
}

const encodingOf = (options) => (typeof options === 'string' ? options : options?.encoding ?? undefined);

class Stats {
  constructor(raw) {
    this.size = raw.size;
    this.mtimeMs = raw.mtimeMs;
    this.mode = raw.dir ? 0o40700 : 0o100600;
    define(this, { directory: Boolean(raw.dir) });
  }
  get mtime() { return new Date(this.mtimeMs); }
  get ctime() { return this.mtime; }
  get birthtime() { return this.mtime; }
  isFile() { return !this.directory; }
  isDirectory() { return this.directory; }
  isSymbolicLink() { return false; }
}

class Dirent {
  constructor(name, parentPath, raw) {
    this.name = name;
    this.parentPath = parentPath;
    define(this, { directory: Boolean(raw.dir) });
  }
  isFile() { return !this.directory; }
  isDirectory() { return this.directory; }
  isSymbolicLink() { return false; }
}

const fs = {
  readFileSync(path, options) {
    const bytes = Buffer.from(attempt('open', path, (p) => native.readFile(p)));
    const encoding = encodingOf(options);
    return encoding === undefined || encoding === null ? bytes : bytes.toString(encoding);
  },
  writeFileSync(path, data, options) {
    const append = String(options?.flag ?? 'w').startsWith('a');
    const bytes = typeof data === 'string' ? encoded(data, encodingOf(options)) : bytesOf(data);
    attempt('open', path, (p) => native.writeFile(p, bytes.slice().buffer, append));
  },
  appendFileSync(path, data, options) {
    fs.writeFileSync(path, data, { encoding: encodingOf(options), flag: 'a' });
  },
  existsSync(path) {
    try {
      return about(path) !== null;
    } catch {
      return false;
    }
  },
  accessSync(path) {
    if (!about(path)) throw fault('ENOENT', 'access', path);
  },
  statSync(path, options) {
    const raw = about(path);
    if (raw) return new Stats(raw);
    if (options?.throwIfNoEntry === false) return undefined;
    throw fault('ENOENT', 'stat', path);
  },
  readdirSync(path, options) {
    const found = [];
    const visit = (dir, prefix) => {
      const entries = attempt('scandir', dir, (p) => native.list(p)).sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const entry of entries) {
        found.push(options?.withFileTypes ? new Dirent(entry.name, dir, entry) : prefix + entry.name);
        if (options?.recursive && entry.dir) visit(`${dir}/${entry.name}`, `${prefix}${entry.name}/`);
      }
    };
    visit(path, '');
    return found;
  },
  mkdirSync(path, options) {
    if (!options?.recursive) return void attempt('mkdir', path, (p) => native.mkdir(p));
    let first;
    const parts = place(path).split('/').filter(Boolean);
    for (let i = 1; i <= parts.length; i++) {
      const part = '/' + parts.slice(0, i).join('/');
      if (part === HOME) continue;
      const raw = about(part);
      if (raw && !raw.dir) throw fault(i === parts.length ? 'EEXIST' : 'ENOTDIR', 'mkdir', path);
      if (!raw) {
        attempt('mkdir', part, (p) => native.mkdir(p));
        first ??= part;
      }
    }
    return first;
  },
  unlinkSync(path) {
    if (about(path)?.dir) throw fault('EISDIR', 'unlink', path);
    attempt('unlink', path, (p) => native.remove(p));
  },
  rmdirSync(path) {
    if (about(path)?.dir === false) throw fault('ENOTDIR', 'rmdir', path);
    attempt('rmdir', path, (p) => native.remove(p));
  },
  rmSync(path, options) {
    const raw = about(path);
    if (!raw && options?.force) return;
    if (raw?.dir) {
      if (!options?.recursive) throw fault('EISDIR', 'rm', path);
      for (const name of fs.readdirSync(path)) fs.rmSync(`${path}/${name}`, options);
    }
    attempt('rm', path, (p) => native.remove(p));
  },
  renameSync(from, to) {
    attempt('rename', from, (p) => native.rename(p, place(to)), to);
  },
  copyFileSync(from, to) {
    const data = attempt('copyfile', from, (p) => native.readFile(p), to);
    attempt('copyfile', to, (p) => native.writeFile(p, data, false));
  },
};
fs.lstatSync = fs.statSync;
fs.promises = {};
for (const name of Object.keys(fs)) {
  if (!name.endsWith('Sync') || name === 'existsSync') continue;
  const plain = name.slice(0, -4);
  fs.promises[plain] = async (...args) => fs[name](...args);
  fs[plain] = (...args) => { // the callback form
    const callback = args.pop();
    if (typeof callback !== 'function') throw new TypeError(`fs.${plain} needs a callback; fs.promises.${plain} gives a promise, fs.${name} the value`);
    fs.promises[plain](...args).then((value) => callback(null, value), callback);
  };
}
fs.constants = { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 };

// ---- modules --------------------------------------------------------------------------------------------------------------------

const path = {
  sep: '/', delimiter: ':',
  normalize(p) {
    const out = [], absolute = p.startsWith('/');
    for (const part of p.split('/')) {
      if (part === '' || part === '.') continue;
      if (part === '..' && out.length && out.at(-1) !== '..') out.pop();
      else if (part !== '..' || !absolute) out.push(part);
    }
    const joined = out.join('/') + (p.endsWith('/') && out.length ? '/' : '');
    return absolute ? '/' + joined : joined || '.';
  },
  join: (...parts) => path.normalize(parts.filter(Boolean).join('/') || '.'),
  resolve(...parts) {
    let whole = '';
    for (const part of [HOME, ...parts]) whole = part.startsWith('/') ? part : `${whole}/${part}`;
    const n = path.normalize(whole);
    return n.length > 1 ? n.replace(/\/$/, '') : n;
  },
  isAbsolute: (p) => p.startsWith('/'),
  dirname(p) {
    const at = p.replace(/\/+$/, '').lastIndexOf('/');
    return at < 0 ? '.' : at === 0 ? '/' : p.slice(0, at);
  },
  basename(p, suffix = '') {
    const name = p.replace(/\/+$/, '').split('/').pop();
    return suffix && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  },
  extname(p) {
    const name = path.basename(p), at = name.lastIndexOf('.');
    return at > 0 ? name.slice(at) : '';
  },
  relative(from, to) {
    const a = path.resolve(from).split('/').filter(Boolean), b = path.resolve(to).split('/').filter(Boolean);
    let same = 0;
    while (same < a.length && same < b.length && a[same] === b[same]) same++;
    return [...a.slice(same).map(() => '..'), ...b.slice(same)].join('/');
  },
  parse(p) {
    const base = path.basename(p), ext = path.extname(p);
    return { root: p.startsWith('/') ? '/' : '', dir: p.includes('/') ? path.dirname(p) : '', base, ext, name: base.slice(0, base.length - ext.length) };
  },
  format: (o) => (o.dir ? o.dir + '/' : o.root ?? '') + (o.base ?? (o.name ?? '') + (o.ext ?? '')),
};
path.posix = path;

function same(a, b, strict, seen = new Map()) {
  if (Object.is(a, b) || (!strict && a == b)) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof RegExp && b instanceof RegExp) return String(a) === String(b);
  if (a instanceof Map && b instanceof Map) return a.size === b.size && [...a].every(([k, v]) => b.has(k) && same(v, b.get(k), strict, seen));
  if (a instanceof Set && b instanceof Set) return a.size === b.size && [...a].every((v) => b.has(v) || [...b].some((w) => same(v, w, strict, seen)));
  if (a instanceof Error && (a.message !== b.message || a.name !== b.name)) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && same(a[k], b[k], strict, seen));
}

class AssertionError extends Error {
  constructor(message, actual, expected, operator) {
    super(message);
    define(this, { name: 'AssertionError', code: 'ERR_ASSERTION' });
    Object.assign(this, { actual, expected, operator });
  }
}

function check(ok, message, fallback, actual, expected, operator) {
  if (ok) return;
  if (message instanceof Error) throw message;
  throw new AssertionError(message ?? fallback, actual, expected, operator);
}

function matches(e, expected) {
  if (expected === undefined) return true;
  if (expected instanceof RegExp) return expected.test(String(e));
  if (typeof expected === 'function') return expected.prototype !== undefined && e instanceof expected ? true : !(expected.prototype instanceof Error) && expected !== Error && expected(e) === true;
  return Object.keys(expected).every((k) => (expected[k] instanceof RegExp ? expected[k].test(e?.[k]) : same(e?.[k], expected[k], true)));
}

const show = (v) => inspect(v, { depth: 3 });
const assert = (value, message) => check(value, message, `The expression is not true: ${show(value)}`, value, true, '==');
Object.assign(assert, {
  ok: assert,
  equal: (a, b, m) => check(a == b || (a !== a && b !== b), m, `${show(a)} == ${show(b)}`, a, b, '=='),
  notEqual: (a, b, m) => check(a != b, m, `${show(a)} != ${show(b)}`, a, b, '!='),
  strictEqual: (a, b, m) => check(Object.is(a, b), m, `Expected values to be strictly equal:\n\n${show(a)} !== ${show(b)}\n`, a, b, 'strictEqual'),
  notStrictEqual: (a, b, m) => check(!Object.is(a, b), m, `Expected values to differ: ${show(a)}`, a, b, 'notStrictEqual'),
  deepEqual: (a, b, m) => check(same(a, b, false), m, `Expected values to be loosely deep-equal:\n\n${show(a)}\n\nshould equal\n\n${show(b)}`, a, b, 'deepEqual'),
  deepStrictEqual: (a, b, m) => check(same(a, b, true), m, `Expected values to be strictly deep-equal:\n\n${show(a)}\n\nshould equal\n\n${show(b)}`, a, b, 'deepStrictEqual'),
  notDeepStrictEqual: (a, b, m) => check(!same(a, b, true), m, `Expected values not to be deep-equal: ${show(a)}`, a, b, 'notDeepStrictEqual'),
  match: (s, re, m) => check(re.test(s), m, `${show(s)} does not match ${re}`, s, re, 'match'),
  fail: (m = 'Failed') => check(false, m),
  throws(f, expected, m) {
    let thrown, threw = false;
    try { f(); } catch (e) { [thrown, threw] = [e, true]; }
    check(threw, typeof expected === 'string' ? expected : m, 'Missing expected exception.');
    if (typeof expected !== 'string' && !matches(thrown, expected)) throw thrown;
  },
  async rejects(p, expected, m) {
    let thrown, threw = false;
    try { await (typeof p === 'function' ? p() : p); } catch (e) { [thrown, threw] = [e, true]; }
    check(threw, m, 'Missing expected rejection.');
    if (!matches(thrown, expected)) throw thrown;
  },
  AssertionError,
});
assert.strict = assert;

class EventEmitter {
  #on = new Map();
  on(name, listener) {
    if (!this.#on.has(name)) this.#on.set(name, []);
    this.#on.get(name).push(listener);
    return this;
  }
  once(name, listener) {
    const once = (...args) => { this.off(name, once); listener.apply(this, args); };
    once.listener = listener;
    return this.on(name, once);
  }
  off(name, listener) {
    const list = this.#on.get(name) ?? [], at = list.findLastIndex((l) => l === listener || l.listener === listener);
    if (at >= 0) this.#on.set(name, list.toSpliced(at, 1));
    return this;
  }
  emit(name, ...args) {
    const list = this.#on.get(name) ?? [];
    if (!list.length && name === 'error') throw args[0] instanceof Error ? args[0] : new Error(`Unhandled error. (${inspect(args[0])})`);
    for (const listener of [...list]) listener.apply(this, args);
    return list.length > 0;
  }
  listenerCount(name) { return (this.#on.get(name) ?? []).length; }
  listeners(name) { return (this.#on.get(name) ?? []).map((l) => l.listener ?? l); }
  eventNames() { return [...this.#on].filter(([, list]) => list.length).map(([name]) => name); }
  removeAllListeners(name) {
    if (name === undefined) this.#on.clear();
    else this.#on.delete(name);
    return this;
  }
  setMaxListeners() { return this; }
}
EventEmitter.prototype.addListener = EventEmitter.prototype.on;
EventEmitter.prototype.removeListener = EventEmitter.prototype.off;
EventEmitter.EventEmitter = EventEmitter;

const performance = { now: () => native.now(), timeOrigin: Date.now() - native.now(), mark() {}, measure() {} };

class ExitError extends Error {
  constructor(code) {
    super(`the code called process.exit(${code ?? ''}). That ends the cell; the context and its variables stay.`);
    define(this, { name: 'ExitError' });
  }
}

const process = {
  env: {}, argv: ['agentrun'], argv0: 'agentrun', execArgv: [], pid: 1, ppid: 0, platform: 'wasi', arch: 'wasm32', version: '', versions: { quickjs: '2025-04-26' }, exitCode: undefined,
  cwd: () => HOME,
  exit(code) { throw new ExitError(code); },
  nextTick: (f, ...args) => queueMicrotask(() => f(...args)),
  uptime: () => native.now() / 1000,
  hrtime: Object.assign((from) => {
    const now = native.now(), seconds = Math.floor(now / 1000), nanos = Math.round((now % 1000) * 1e6);
    if (!from) return [seconds, nanos];
    const difference = (seconds - from[0]) * 1e9 + nanos - from[1];
    return [Math.floor(difference / 1e9), difference % 1e9];
  }, { bigint: () => BigInt(Math.round(native.now() * 1e6)) }),
  stdout: { isTTY: false, columns: 80, write: (text) => (native.emit(STDOUT, typeof text === 'string' ? text : fromUTF8(bytesOf(text), false, true)), true) },
  stderr: { isTTY: false, columns: 80, write: (text) => (native.emit(STDERR, typeof text === 'string' ? text : fromUTF8(bytesOf(text), false, true)), true) },
  on() { return process; }, once() { return process; }, off() { return process; }, emitWarning: (text) => say(STDERR, `Warning: ${text}`),
};

const util = {
  inspect: Object.assign((value, options) => inspect(value, typeof options === 'object' && options !== null ? { ...options, depth: options.depth === null ? Infinity : options.depth } : {}), { custom }),
  format,
  isDeepStrictEqual: (a, b) => same(a, b, true),
  promisify: (f) => (...args) => new Promise((yes, no) => f(...args, (e, value) => (e ? no(e) : yes(value)))),
  inherits: (child, parent) => Object.setPrototypeOf(child.prototype, parent.prototype),
  types: { isDate: (v) => v instanceof Date, isRegExp: (v) => v instanceof RegExp, isPromise: (v) => v instanceof Promise, isMap: (v) => v instanceof Map, isSet: (v) => v instanceof Set, isTypedArray: (v) => v instanceof TypedArray },
  TextEncoder, TextDecoder,
};

const setTimeout = (f, ms, ...args) => addTimer(f, ms, args, false);
const setInterval = (f, ms, ...args) => addTimer(f, ms, args, true);
const setImmediate = (f, ...args) => addTimer(f, 0, args, false);
const wait = (ms, value) => new Promise((yes) => setTimeout(yes, ms, value));

const modules = {
  assert, 'assert/strict': assert, buffer: { Buffer, atob, btoa }, events: EventEmitter, fs, 'fs/promises': fs.promises, path, 'path/posix': path, perf_hooks: { performance }, process,
  url: { URL, URLSearchParams },
  timers: { setTimeout, setInterval, setImmediate, clearTimeout: clearTimer, clearInterval: clearTimer, clearImmediate: clearTimer }, 'timers/promises': { setTimeout: wait }, util,
};

function require(name) {
  const plain = String(name).replace(/^node:/, '');
  if (Object.hasOwn(modules, plain)) return modules[plain];
  if (/^\.{0,2}\//.test(plain) && plain.endsWith('.json')) return JSON.parse(fs.readFileSync(plain, 'utf8'));
  const e = new Error(`Cannot find module '${name}': the local sandbox has no npm packages and no network. Available: ${Object.keys(modules).join(', ')}.`);
  define(e, { code: 'MODULE_NOT_FOUND' });
  throw e;
}

// ---- results ----------------------------------------------------------------------------------------------------------------------

const displayed = Symbol.for('Jupyter.display');

function clip(text) {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}… (${text.length - LONGEST_TEXT} more characters)`;
}

function formText(data) {
  if (typeof data === 'string') return data;
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return toBase64(bytesOf(data));
  return JSON.stringify(data) ?? 'null';
}

// bundle gives every form of a value. An object may offer its own in a method named Symbol.for('Jupyter.display').
function bundle(value) {
  const forms = {};
  if (value !== null && typeof value === 'object' && typeof value[displayed] === 'function') {
    const offered = value[displayed]();
    if (offered !== null && typeof offered === 'object') for (const [type, data] of Object.entries(offered)) forms[type] = formText(data);
  }
  forms['text/plain'] = clip(forms['text/plain'] ?? inspect(value));
  return forms;
}

// display shows values at once. display({'text/html': '...'}, {raw: true}) shows a bundle as it is.
function display(...values) {
  const options = values.at(-1);
  if (values.length === 2 && options?.raw === true) {
    native.emit(DISPLAY, JSON.stringify(Object.fromEntries(Object.entries(values[0]).map(([type, data]) => [type, formText(data)]))));
    return;
  }
  for (const value of values) native.emit(DISPLAY, JSON.stringify(bundle(value)));
}

// Memory given up when all is used, so that the next cell has enough to free some.
const SPARE = 4 << 20;
let spare = new ArrayBuffer(SPARE);

function hasRoom(bytes) {
  try {
    return new ArrayBuffer(bytes) !== null;
  } catch {
    return false;
  }
}

function isExhausted(thrown) {
  const outOfMemory = thrown === null || (thrown instanceof InternalError && thrown.message === 'out of memory');
  return outOfMemory && !hasRoom(2 * SPARE); // which is more than the C kernel lends for the report
}

function result(value, id) {
  indent = '';
  if (value !== null && typeof value === 'object' && Object.hasOwn(value, unsettled)) {
    value = value[unsettled];
  } else if (hasMore(value)) {
    left = value;
    return JSON.stringify({ id, more: true });
  }
  const reply = JSON.stringify(value === undefined ? { id } : { id, result: bundle(value) });
  if (!spare && hasRoom(2 * SPARE)) spare = new ArrayBuffer(SPARE);
  return reply;
}

function error(thrown, id) {
  indent = '';
  finishing = null;
  if (isExhausted(thrown)) {
    spare = undefined;
    const text = 'the memory of this context is used up. Its variables stay; set what is no longer needed to null, or use a new context.';
    return JSON.stringify({ id, error: { ename: 'InternalError', evalue: text, traceback: [`InternalError: out of memory: ${text}\n`] } });
  }
  const is = thrown instanceof Error;
  const ename = is ? String(thrown.name ?? 'Error') : 'Uncaught';
  if (ename === 'Interrupted') timers.clear(); // or they would hold every cell that follows
  const evalue = clip(is ? String(thrown.message ?? '') : inspect(thrown));
  const traceback = clip(is ? errorText(thrown, []) : `Uncaught ${evalue}`).split('\n').map((line) => line + '\n');
  if (traceback.length > 60) traceback.splice(30, traceback.length - 60, '    …\n');
  return JSON.stringify({ id, error: { ename, evalue, traceback } });
}

define(globalThis, {
  console, performance, process, require, display, structuredClone: (value) => structuredClone(value), atob, btoa, Buffer, TextEncoder, TextDecoder, URL, URLSearchParams, setTimeout, setInterval, setImmediate, clearTimeout: clearTimer,
  clearInterval: clearTimer, clearImmediate: clearTimer, queueMicrotask(f) {
    if (typeof f !== 'function') throw new TypeError('queueMicrotask needs a function');
    Promise.resolve().then(f).catch(uncaught);
  },
  fs, global: globalThis, [FINISH]: finish, fetch: async () => { throw new TypeError('fetch failed: the local sandbox has no network'); },
});

return { step, result, error };
}
