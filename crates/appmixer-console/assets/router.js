// Which page is shown: the part of the address behind `#`. A page whose input is not saved is not left unasked.

import { confirm } from './dialog.js?v=VERSION';

let page = null;
let shown = null;
let show = async () => ({});
let asking = false;

/** The address taken apart: `#/users/5f?tab=x` is `['users', '5f']` and its parameters. */
export function currentRoute() {
  const [path, query = ''] = location.hash.replace(/^#/, '').split('?', 2);
  const parts = path.split('/').filter((part) => part !== '').map(decode);
  return { parts, query: new URLSearchParams(query) };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** An address within the console. */
export function link(parts, query) {
  const path = parts.map(encodeURIComponent).join('/');
  const search = new URLSearchParams(query).toString();
  return `#/${path}${search ? `?${search}` : ''}`;
}

export function go(address) {
  if (location.hash === address) refresh();
  else location.hash = address;
}

/** Changes the address of the page that is shown, without a step in the history. */
export function rewrite(address) {
  history.replaceState(null, '', address);
  shown = location.hash;
}

let turn = 0;

/** Shows the present address again, with whatever is new. What is still being made for another one is dropped. */
export async function refresh() {
  shown = location.hash;
  page?.leave?.();
  page = null;
  turn += 1;
  const mine = turn;
  const made = await show(currentRoute(), () => mine === turn);
  if (mine === turn) page = made;
  else made.leave?.();
}

/**
 * `render(route, isWanted)` shows a page, unless it is not wanted any more when it is made; what it gives may have
 * `isChanged()`, `leave()` and `update(query)`.
 */
export function startRouter(render) {
  show = render;
  window.addEventListener('hashchange', moved);
  document.addEventListener('click', followed);
  window.addEventListener('beforeunload', (event) => {
    if (page?.isChanged?.()) event.preventDefault();
  });
  return refresh();
}

async function moved() {
  // The skip link leads to the content and is no page.
  if (location.hash === '#main') {
    history.replaceState(null, '', shown || '#/');
    document.getElementById('main')?.focus();
    return;
  }
  if (location.hash === shown || asking) return;
  const path = (address) => (address ?? '').split('?')[0];
  if (page?.update && path(location.hash) === path(shown)) {
    shown = location.hash;
    page.update(currentRoute().query);
    return;
  }
  if (page?.isChanged?.() && !(await mayGoBack())) return;
  await refresh();
}

/** A link is asked about before it is followed: then nothing has to be taken back. */
async function followed(event) {
  const address = event.target.closest?.('a[href^="#/"]')?.getAttribute('href');
  const elsewhere = event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey;
  if (!address || elsewhere || !page?.isChanged?.() || asking) return;
  event.preventDefault();
  if (!(await mayLeave())) return;
  page?.leave?.();
  page = null;
  go(address);
}

/** Back and Forward have been gone already: the address is put back as long as is asked. */
async function mayGoBack() {
  const wanted = location.hash;
  history.pushState(null, '', shown || '#/');
  const leave = await mayLeave();
  if (leave) history.replaceState(null, '', wanted);
  return leave;
}

async function mayLeave() {
  asking = true;
  const leave = await confirm({
    title: 'Leave without saving?',
    text: 'What you have changed on this page is lost.',
    yes: 'Leave',
    no: 'Stay',
    danger: true,
  });
  asking = false;
  return leave;
}
