// Starts the console: asks who is signed in, and shows the page that the address names.

import { fill, h } from './dom.js?v=VERSION';
import { loading, problem } from './notice.js?v=VERSION';
import { currentRoute, go, refresh, startRouter } from './router.js?v=VERSION';
import { currentUser, restore } from './session.js?v=VERSION';
import { showShell } from './shell.js?v=VERSION';

/** Pages are loaded when they are first wanted. */
const PAGES = {
  '': () => import('./page-overview.js?v=VERSION'),
  users: () => import('./page-users.js?v=VERSION'),
  'users/new': () => import('./page-new-user.js?v=VERSION'),
  'users/*': () => import('./page-user.js?v=VERSION'),
  config: () => import('./page-config.js?v=VERSION'),
  rules: () => import('./page-rules.js?v=VERSION'),
  'rules/*': () => import('./page-rules.js?v=VERSION'),
  audit: () => import('./page-audit.js?v=VERSION'),
  keys: () => import('./page-keys.js?v=VERSION'),
  apps: () => import('./page-apps.js?v=VERSION'),
  'apps/*': () => import('./page-app.js?v=VERSION'),
  'setup/*': () => import('./page-setup.js?v=VERSION'),
};

/** Where somebody wanted to go who had to sign in first. */
let wanted = null;
let first = true;

function loader(parts) {
  const [head = '', second] = parts;
  if (parts.length > 2) return null;
  if (second === undefined) return Object.hasOwn(PAGES, head) ? PAGES[head] : null;
  return PAGES[`${head}/${second}`] ?? PAGES[`${head}/*`] ?? null;
}

async function render(route, isWanted) {
  const isSetup = route.parts[0] === 'setup' && route.parts.length === 2;
  const signIn = currentUser() === null && !isSetup;
  if (signIn) wanted = location.hash;
  const main = showShell(isSetup ? null : (route.parts[0] ?? ''));
  fill(main, loading());
  const load = signIn ? () => import('./page-sign-in.js?v=VERSION') : (loader(route.parts) ?? (() => import('./page-not-found.js?v=VERSION')));
  try {
    const { title, render: draw } = await load();
    const page = h('div', { class: 'page' });
    const heading = h('h1', { tabindex: '-1' }, title);
    const done = (await draw({ page, heading, route, onsignedin })) ?? {};
    if (!isWanted()) return done;
    fill(main, page);
    document.title = `${heading.textContent} – Console`;
    if (done.focus) done.focus();
    else if (!first) heading.focus();
    first = false;
    return done;
  } catch (error) {
    if (isWanted()) fill(main, problem(error, refresh));
    if (error.status === undefined) throw error;
    return {};
  }
}

function onsignedin() {
  const target = wanted && !wanted.startsWith('#/setup') ? wanted : '#/';
  wanted = null;
  go(target || '#/');
}

window.addEventListener('console-signed-out', () => {
  // What was on the screen must not stay there for whoever comes next.
  document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
  refresh();
});

async function start() {
  const main = showShell(null);
  fill(main, loading());
  try {
    await restore();
  } catch (error) {
    fill(main, problem(error, start));
    return;
  }
  if (currentRoute().parts.length === 0 && location.hash !== '#/') history.replaceState(null, '', '#/');
  await startRouter(render);
}

start();
