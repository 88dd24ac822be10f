// The frame around every page: the navigation, who is signed in, light or dark, and where the page goes.

import { button, fill, h, icon } from './dom.js?v=VERSION';
import { notify } from './notice.js?v=VERSION';
import { link } from './router.js?v=VERSION';
import { currentUser, signOut } from './session.js?v=VERSION';

const ENTRIES = [
  { part: '', label: 'Overview', picture: 'overview' },
  { part: 'users', label: 'Users', picture: 'users' },
  { part: 'config', label: 'Configuration', picture: 'config' },
  { part: 'rules', label: 'Access rules', picture: 'rules' },
  { part: 'audit', label: 'Audit log', picture: 'audit' },
  { part: 'keys', label: 'Keys', picture: 'keys' },
  { part: 'apps', label: 'Apps', picture: 'apps' },
];

const main = h('main', { id: 'main', tabindex: '-1' });
let links = [];
let framed = null;

function themeButton() {
  const NAMES = { system: 'as the system has it', light: 'light', dark: 'dark' };
  const toggle = h('button', { type: 'button', class: 'bare theme' });
  const show = (theme) => {
    fill(toggle, icon(theme));
    toggle.setAttribute('aria-label', `Colours: ${NAMES[theme]}. Change`);
    toggle.title = `Colours: ${NAMES[theme]}`;
  };
  toggle.addEventListener('click', () => show(window.consoleTheme.next()));
  show(window.consoleTheme.get());
  return toggle;
}

async function leave() {
  try {
    await signOut();
    window.dispatchEvent(new Event('console-signed-out'));
  } catch (error) {
    notify(`You are still signed in. ${error.message}`, { bad: true });
  }
}

function frame(user) {
  links = ENTRIES.map(({ part, label, picture }) => ({
    part,
    element: h('a', { href: part ? link([part]) : '#/' }, icon(picture), label),
  }));
  const nav = h('nav', { id: 'nav', 'aria-label': 'Pages' }, h('ul', {}, links.map(({ element }) => h('li', {}, element))));
  const menu = h(
    'button',
    { type: 'button', class: 'bare menu', 'aria-label': 'Pages', 'aria-expanded': 'false', 'aria-controls': 'nav' },
    icon('menu'),
  );
  const open = (yes) => {
    nav.classList.toggle('open', yes);
    menu.setAttribute('aria-expanded', String(yes));
  };
  menu.addEventListener('click', () => open(!nav.classList.contains('open')));
  nav.addEventListener('click', (event) => event.target.closest('a') && open(false));
  nav.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      open(false);
      menu.focus();
    }
  });
  const who = h('a', { class: 'who', href: link(['users', user.id]), title: 'Your own user' }, user.username);
  const end = button([icon('leave'), 'Sign out'], leave, { kind: 'quiet' });
  const brand = h('a', { class: 'brand', href: '#/' }, h('img', { src: '/console/assets/icon.svg?v=VERSION', alt: '', width: 28, height: 28 }), 'Console');
  return [h('header', { class: 'top' }, menu, brand, h('span', { class: 'space' }), who, themeButton(), end), nav, main];
}

/** The frame for whoever is signed in, or a bare one; gives the element for the page. */
export function showShell(part) {
  const shell = document.getElementById('shell');
  const user = currentUser();
  const wanted = user?.id ?? 'nobody';
  if (framed !== wanted) {
    framed = wanted;
    shell.className = user ? 'shell' : 'shell bare-shell';
    if (user) fill(shell, frame(user));
    else fill(shell, h('header', { class: 'top' }, h('span', { class: 'space' }), themeButton()), main);
  }
  for (const { part: own, element } of links) {
    if (own === part) element.setAttribute('aria-current', 'page');
    else element.removeAttribute('aria-current');
  }
  return main;
}
