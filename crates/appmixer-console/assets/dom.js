// Builds elements. Text always becomes a text node: nothing that comes from outside is read as HTML.

const SVG = 'http://www.w3.org/2000/svg';

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** An element of HTML. Attributes that begin with `on` are listeners; `false`, `null` and `undefined` are left out. */
export function h(name, attributes, ...children) {
  return build(document.createElement(name), attributes, children);
}

/** The same of SVG. */
export function svg(name, attributes, ...children) {
  return build(document.createElementNS(SVG, name), attributes, children);
}

/** Replaces what is in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** A name that breaks behind its `@` where there is too little room for it. */
export function breakable(name) {
  const at = name.lastIndexOf('@') + 1;
  return [name.slice(0, at), h('wbr'), name.slice(at)];
}

let ids = 0;

/** An id that nothing else in the document has. */
export function newId(word) {
  ids += 1;
  return `${word}-${ids}`;
}

const ICONS = {
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6 6 18',
  search: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16.5 16.5 21 21',
  plus: 'M12 5v14M5 12h14',
  up: 'M6 14l6-6 6 6',
  down: 'M6 10l6 6 6-6',
  overview: 'M4 20V10M10 20V4M16 20v-7M21 20H3',
  users: 'M9 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM2 20c0-3.5 3-6 7-6s7 2.5 7 6M16 5a4 4 0 0 1 0 7M18 14.5c2.5.8 4 2.8 4 5.5',
  config: 'M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5zM8 14.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z',
  rules: 'M12 3l8 3v6c0 4.5-3.2 7.8-8 9-4.8-1.2-8-4.5-8-9V6zM8.5 12l2.5 2.5 4.5-5',
  audit: 'M5 4h10l4 4v12H5zM9 12h6M9 16h6M9 8h3',
  keys: 'M8 10a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM11 11.5 20 3M16 6.5l3 3',
  apps: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z',
  light: 'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2v2M12 20v2M4.9 4.9l1.5 1.5M17.6 17.6l1.5 1.5M2 12h2M20 12h2M4.9 19.1l1.5-1.5M17.6 6.4l1.5-1.5',
  dark: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  system: 'M3 5h18v11H3zM9 20h6M12 16v4',
  leave: 'M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9',
};

/** A small picture that says nothing which the text beside it does not say. */
export function icon(name) {
  const line = svg('path', { d: ICONS[name] });
  return svg('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' }, line);
}

/** A button; `primary`, `danger` or `quiet` say how it looks. */
export function button(label, onclick, { kind = '', type = 'button', ...attributes } = {}) {
  return h('button', { type, class: `button ${kind}`.trim(), onclick, ...attributes }, label);
}
