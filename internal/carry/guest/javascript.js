// Runs in a JavaScript context, called with what is asked of it, and packs the variables of its user into files or unpacks them
// elsewhere. It leaves nothing behind but what it unpacks. Nothing is assumed of the kernel but files in the manner of Node.
//
// A variable becomes a line of JSON: the objects it consists of that no line before had, and itself. Objects are numbered through
// all lines, so that what variables share stays shared, and a line can be taken back when its variable turns out not to pack.
// Functions and classes go by their source, which says all there is only of those declared at the top level of a cell; what they
// close over elsewhere nobody can see, so others count as lost.
(asked) => {
  'use strict';

  const fs = (typeof require === 'function' ? require('fs') : undefined) ?? globalThis.process?.getBuiltinModule?.('fs');
  const evaluate = eval; // indirect: in the global scope
  const until = Date.now() + asked.seconds * 1000;
  const notVariables = new Set(['this', 'null', 'true', 'false', 'arguments']); // although they have values
  const isName = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
  const TypedArray = Object.getPrototypeOf(Uint8Array);
  const tagOf = (value) => Object.prototype.toString.call(value).slice(8, -1);

  // ---- where -------------------------------------------------------------------------------------------------------------------

  function findHome() {
    const places = ['.'];
    let here = globalThis.process?.cwd?.() ?? '';
    for (; here.includes('/'); here = here.replace(/\/[^/]*$/, '')) places.push(here);
    for (const place of places) if (fs.existsSync(`${place}/${asked.folder}/mark`)) return place;
    throw new Error('the working folder was not found');
  }

  const home = findHome();
  const pathOf = (name) => `${home}/${asked.folder}/${name}`;
  const read = (name) => fs.readFileSync(pathOf(name), 'utf8');
  const write = (name, text) => fs.writeFileSync(pathOf(name), text);

  // ---- what every interpreter has ------------------------------------------------------------------------------------------------

  const MODULES = 'assert async_hooks buffer child_process cluster console constants crypto dgram dns events fs fs/promises http http2 https module net os path path/posix perf_hooks process querystring readline stream stream/promises string_decoder timers timers/promises tls tty url util v8 vm worker_threads zlib'.split(' ');

  // landmarks finds, by value, functions and objects that the other interpreter has as well, with the steps that lead to each.
  function landmarks() {
    const found = new Map();
    const note = (value, steps) => {
      if (value === null || (typeof value !== 'object' && typeof value !== 'function') || found.has(value)) return;
      found.set(value, steps);
      if (steps.length > 2 || value === globalThis) return;
      for (const key of Object.getOwnPropertyNames(value)) {
        const d = Object.getOwnPropertyDescriptor(value, key);
        if ('value' in d) note(d.value, [...steps, key]);
      }
    };
    note(globalThis, ['global']);
    for (const name of asked.fresh) {
      const d = Object.getOwnPropertyDescriptor(globalThis, name);
      if (d && 'value' in d) note(d.value, ['global', name]);
    }
    if (typeof require === 'function') {
      for (const name of MODULES) {
        try {
          note(require(name), ['module', name]);
        } catch { /* not in this kernel */ }
      }
    }
    return found;
  }

  const follow = ([root, name, ...keys]) => keys.reduce((o, key) => o[key], root === 'module' ? require(name) : name === undefined ? globalThis : globalThis[name]);

  // ---- packing -------------------------------------------------------------------------------------------------------------------

  class Unfit extends Error {}

  function typeOf(value) {
    if (value === null || typeof value !== 'object') {
      return typeof value === 'function' && Function.prototype.toString.call(value).startsWith('class') ? 'class' : value === null ? 'null' : typeof value;
    }
    try {
      const tag = tagOf(value);
      if (tag !== 'Object') return tag;
      for (let o = Object.getPrototypeOf(value); o !== null; o = Object.getPrototypeOf(o)) {
        const d = Object.getOwnPropertyDescriptor(o, 'constructor');
        if (d && typeof d.value === 'function' && d.value.name) return String(d.value.name);
      }
    } catch { /* a proxy that refuses */ }
    return 'Object';
  }

  function why(e) {
    if (e instanceof Unfit) return e.message;
    if (/stack|recursion/i.test(String(e?.message))) return 'it is nested too deeply';
    return String(e?.message ?? e).slice(0, 300);
  }

  class Packer {
    constructor(declared) {
      this.known = landmarks();
      this.declared = declared; // functions of the top level
      this.numbers = new Map(); // of objects
      this.fresh = [];          // objects of the line that is being made
    }

    line(name, value) {
      this.fresh = [];
      const first = this.numbers.size;
      try {
        const root = this.word(value);
        return { name, first, nodes: this.fresh, root };
      } catch (e) {
        for (const [object, number] of this.numbers) if (number >= first) this.numbers.delete(object);
        throw e;
      }
    }

    // word writes a value where it is used: what is not an object as itself, an object by its number.
    word(value) {
      switch (typeof value) {
        case 'undefined': return ['u'];
        case 'bigint': return ['b', String(value)];
        case 'number': return Number.isFinite(value) && !Object.is(value, -0) ? value : ['n', Object.is(value, -0) ? '-0' : String(value)];
        case 'string': case 'boolean': return value;
        case 'symbol': {
          const key = Symbol.keyFor(value);
          if (key !== undefined) return ['s', key];
          for (const own of Object.getOwnPropertyNames(Symbol)) if (Symbol[own] === value) return ['y', own];
          throw new Unfit('a symbol is the same nowhere else');
        }
      }
      if (value === null) return null;
      if (!this.numbers.has(value)) {
        const node = {};
        this.numbers.set(value, this.numbers.size);
        this.fresh.push(node);
        this.describe(value, node);
      }
      return ['r', this.numbers.get(value)];
    }

    describe(value, node) {
      if (this.known.has(value)) {
        [node.is, node.steps] = ['landmark', this.known.get(value)];
        return;
      }
      const tag = tagOf(value);
      let plain, skip = () => false;
      if (typeof value === 'function') {
        plain = this.functionNode(value, node);
        skip = (key) => !Object.prototype.propertyIsEnumerable.call(value, key); // methods and the like, which the source has
      } else if (Array.isArray(value)) {
        [node.is, node.length, plain] = ['array', value.length, Array.prototype];
        skip = (key) => key === 'length';
      } else if (ArrayBuffer.isView(value)) {
        const kind = tag === 'DataView' ? 'DataView' : tag;
        plain = Object.getPrototypeOf(value);
        const buffer = globalThis.Buffer?.prototype;
        if (plain !== buffer && plain !== globalThis[kind]?.prototype) throw new Unfit(`a kind of ${kind} of its own`);
        [node.is, node.kind] = ['view', plain === buffer ? 'Buffer' : kind];
        [node.buffer, node.offset, node.length] = [this.word(value.buffer), value.byteOffset, kind === 'DataView' ? value.byteLength : value.length];
        skip = (key) => typeof key === 'string' && /^\d+$/.test(key);
      } else if (tag === 'ArrayBuffer') {
        [node.is, node.bytes, plain] = ['bytes', hex(new Uint8Array(value)), ArrayBuffer.prototype];
      } else if (tag === 'Map') {
        [node.is, plain] = ['map', Map.prototype];
        node.items = Array.from(Map.prototype.entries.call(value), ([k, v]) => [this.word(k), this.word(v)]);
      } else if (tag === 'Set') {
        [node.is, plain] = ['set', Set.prototype];
        node.items = Array.from(Set.prototype.values.call(value), (v) => this.word(v));
      } else if (tag === 'Date') {
        [node.is, node.time, plain] = ['date', this.word(Date.prototype.getTime.call(value)), Date.prototype];
      } else if (tag === 'RegExp') {
        [node.is, node.source, node.flags, plain] = ['regexp', value.source, value.flags, RegExp.prototype];
      } else if (tag === 'Error') {
        node.is = 'error';
        const proto = Object.getPrototypeOf(value);
        plain = this.known.has(proto) ? proto : Error.prototype;
        node.kind = plain === proto ? proto.constructor.name : 'Error';
        node.stack = this.word(value.stack); // a property in some kernels, computed in others
        skip = (key) => key === 'stack';
      } else if (tag === 'Object') {
        [node.is, plain] = ['object', Object.prototype];
      } else {
        throw new Unfit(`a ${tag} is tied to the interpreter that made it`);
      }
      const proto = Object.getPrototypeOf(value);
      if (proto === null) node.proto = null;
      else if (proto !== plain) node.proto = this.protoWord(proto);
      node.own = [];
      for (const key of Reflect.ownKeys(value)) {
        if (skip(key)) continue;
        const d = Object.getOwnPropertyDescriptor(value, key);
        if (!('value' in d)) throw new Unfit(`its property ${String(key)} is computed by code`);
        node.own.push(d.enumerable ? [this.word(key), this.word(d.value)] : [this.word(key), this.word(d.value), 1]);
      }
      if (Object.isFrozen(value) && node.is !== 'view' && (node.own.length || node.length)) node.frozen = true;
    }

    // functionNode describes a function declared at the top level and gives the prototype that such functions have.
    functionNode(value, node) {
      const name = this.declared.get(value);
      if (name === undefined) throw new Unfit(value.name ? `the function ${value.name} is not one declared at the top level` : 'a function without a name');
      const proto = Object.getPrototypeOf(value);
      const source = Function.prototype.toString.call(value);
      const isClass = source.startsWith('class');
      [node.is, node.name, node.source] = ['function', name, source];
      if (isClass && proto !== Function.prototype) node.parent = this.word(proto);
      return proto; // which evaluating the source gives it again
    }

    // protoWord writes the prototype of an instance: that of a class of the top level, or an object like any other.
    protoWord(proto) {
      const d = Object.getOwnPropertyDescriptor(proto, 'constructor');
      const maker = d && 'value' in d ? d.value : undefined;
      if (typeof maker !== 'function' || maker.prototype !== proto) return this.word(proto);
      for (let c = maker; typeof c === 'function' && c !== Function.prototype; c = Object.getPrototypeOf(c)) {
        if (this.known.has(c)) {
          if (!['Object', 'Array', 'Map', 'Set', 'Date', 'RegExp', 'Error', 'TypeError', 'RangeError', 'SyntaxError'].includes(c.name)) throw new Unfit(`what a ${c.name} is, only the interpreter knows`);
          break;
        }
        if (/#[\p{ID_Start}$_]/u.test(Function.prototype.toString.call(c))) throw new Unfit(`its class ${c.name} has private fields, which nobody else can read`);
      }
      return ['c', this.word(maker)[1]];
    }
  }

  function hex(bytes) {
    let out = '';
    for (let i = 0; i < bytes.length; i += 4096) out += Array.from(bytes.subarray(i, i + 4096), (b) => b.toString(16).padStart(2, '0')).join('');
    return out;
  }

  // variables gives what is not there in a fresh interpreter. What let, const and class declare can only be asked for by name.
  function variables(lost) {
    const fresh = new Set(asked.fresh), found = new Map();
    for (const name of Object.getOwnPropertyNames(globalThis)) {
      if (fresh.has(name)) continue;
      const d = Object.getOwnPropertyDescriptor(globalThis, name);
      if ('value' in d) found.set(name, d.value);
      else lost.push({ name, type: 'accessor', why: 'it is computed by code', bytes: 0 });
    }
    for (const name of asked.names) {
      if (!isName.test(name) || notVariables.has(name) || found.has(name)) continue;
      try {
        const value = evaluate(name);
        if (!(name in globalThis) || !Object.is(value, globalThis[name])) found.set(name, value);
      } catch { /* nothing of that name, or nothing yet, or a word of the language */ }
    }
    return found;
  }

  function pack() {
    const lost = [], all = variables(lost), declared = new Map();
    for (const [name, value] of all) {
      if (typeof value !== 'function' || value.name !== name) continue;
      if (!/\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(value))) declared.set(value, name);
    }
    let wanted = [...all.keys()].filter((name) => {
      const reason = asked.skip[name];
      if (reason !== undefined) lost.push({ name, type: typeOf(all.get(name)), why: reason, bytes: 0 });
      return reason === undefined;
    });
    for (;;) {
      const packer = new Packer(declared), lines = [], pieces = [];
      let total = 0;
      wanted = wanted.filter((name) => {
        const lose = (reason, bytes = 0) => { lost.push({ name, type: typeOf(all.get(name)), why: reason, bytes }); return false; };
        if (Date.now() > until) return lose('there was no time left for it');
        write('trying', name);
        try {
          const line = JSON.stringify(packer.line(name, all.get(name)));
          pieces.push({ name, bytes: line.length });
          total += line.length;
          if (total <= asked.limit) lines.push(line);
          return true;
        } catch (e) {
          return lose(why(e));
        }
      });
      if (total <= asked.limit) {
        write('variables', lines.join('\n'));
        write('packed', JSON.stringify({ pieces, lost }));
        return;
      }
      const out = new Set();
      for (const piece of pieces.sort((a, b) => b.bytes - a.bytes)) {
        if (total <= asked.limit) break;
        total -= piece.bytes;
        out.add(piece.name);
        lost.push({ name: piece.name, type: typeOf(all.get(piece.name)), why: 'larger than may be moved', bytes: piece.bytes });
      }
      wanted = wanted.filter((name) => !out.has(name));
    }
  }

  // ---- unpacking -----------------------------------------------------------------------------------------------------------------

  const define = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, enumerable: true, configurable: true });

  class Unpacker {
    made = [];    // objects by number
    nodes = [];   // those of the line at hand, by number

    load(line) {
      line.nodes.forEach((node, n) => { this.nodes[line.first + n] = node; });
      try {
        line.nodes.forEach((node, n) => this.object(line.first + n));
        line.nodes.forEach((node, n) => this.fill(this.made[line.first + n], node));
        line.nodes.forEach((node, n) => { if (node.frozen) Object.freeze(this.made[line.first + n]); });
        return this.value(line.root);
      } catch (e) {
        this.made.length = Math.min(this.made.length, line.first); // half done
        throw e;
      } finally {
        this.nodes = [];
      }
    }

    value(word) {
      if (!Array.isArray(word)) return word;
      switch (word[0]) {
        case 'u': return undefined;
        case 'b': return BigInt(word[1]);
        case 'n': return Number(word[1]);
        case 's': return Symbol.for(word[1]);
        case 'y': return Symbol[word[1]];
        default: return this.object(word[1]);
      }
    }

    object(number) {
      if (!(number in this.made)) {
        const node = this.nodes[number];
        if (node === undefined) throw new Error('it shares parts with one that was lost');
        this.made[number] = this.shell(node);
      }
      return this.made[number];
    }

    // shell makes an object as far as it does not need others that may need it.
    shell(node) {
      switch (node.is) {
        case 'landmark': {
          const found = follow(node.steps);
          if (found === undefined || found === null) throw new Error(`${node.steps.slice(1).join('.')} is not in this interpreter`);
          return found;
        }
        case 'array': return new Array(node.length);
        case 'bytes': return Uint8Array.from(node.bytes.match(/../g) ?? [], (h) => parseInt(h, 16)).buffer;
        case 'view': {
          const buffer = this.value(node.buffer);
          if (node.kind === 'Buffer') return globalThis.Buffer.from(buffer, node.offset, node.length);
          return new globalThis[node.kind](buffer, node.offset, node.length);
        }
        case 'map': return new Map();
        case 'set': return new Set();
        case 'date': return new Date(this.value(node.time));
        case 'regexp': return new RegExp(node.source, node.flags);
        case 'error': return new globalThis[node.kind]();
        case 'function': {
          if (node.parent) this.value(node.parent);
          const made = evaluate(`(${node.source}\n)`);
          if (made.name !== node.name) Object.defineProperty(made, 'name', { value: node.name, configurable: true });
          define(node.name, made); // for classes that extend it
          return made;
        }
        default: return {};
      }
    }

    fill(object, node) {
      if (node.is === 'landmark') return;
      if (node.proto !== undefined) {
        const proto = node.proto;
        Object.setPrototypeOf(object, proto === null ? null : proto[0] === 'c' ? this.object(proto[1]).prototype : this.value(proto));
      }
      if (node.is === 'map') for (const [k, v] of node.items) Map.prototype.set.call(object, this.value(k), this.value(v));
      if (node.is === 'set') for (const v of node.items) Set.prototype.add.call(object, this.value(v));
      if (node.is === 'error') {
        delete object.message;
        Object.defineProperty(object, 'stack', { value: this.value(node.stack), writable: true, enumerable: false, configurable: true });
      }
      for (const [key, value, hidden] of node.own) {
        Object.defineProperty(object, this.value(key), { value: this.value(value), writable: true, enumerable: !hidden, configurable: node.is !== 'regexp' });
      }
    }
  }

  function unpack() {
    for (const folder of asked.folders) {
      try {
        fs.mkdirSync(`${home}/${folder}`, { recursive: true });
      } catch { /* not worth failing for */ }
    }
    const unpacker = new Unpacker(), done = [], lost = [];
    const text = read('variables');
    for (const each of text === '' ? [] : text.split('\n')) {
      const line = JSON.parse(each), reason = asked.skip[line.name] ?? (Date.now() > until ? 'there was no time left for it' : undefined);
      if (reason === undefined) {
        write('trying', line.name);
        try {
          define(line.name, unpacker.load(line));
          done.push(line.name);
          continue;
        } catch (e) {
          lost.push({ name: line.name, type: '', why: why(e), bytes: each.length });
          continue;
        }
      }
      lost.push({ name: line.name, type: '', why: reason, bytes: each.length });
    }
    write('unpacked', JSON.stringify({ done, lost }));
  }

  // ---- what is asked -------------------------------------------------------------------------------------------------------------

  switch (asked.do) {
    case 'name':
      write('names', JSON.stringify(Object.getOwnPropertyNames(globalThis)));
      break;
    case 'pack':
      pack();
      break;
    case 'unpack':
      unpack();
      break;
    default:
      fs.rmSync(`${home}/${asked.folder}`, { recursive: true });
  }
}
