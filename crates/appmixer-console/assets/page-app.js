// The components of one app.

import { get } from './api.js?v=VERSION';
import { h } from './dom.js?v=VERSION';
import { counted } from './format.js?v=VERSION';
import { empty } from './notice.js?v=VERSION';
import { appIcon } from './page-apps.js?v=VERSION';
import { link } from './router.js?v=VERSION';

export const title = 'App';

export async function render({ page, heading, route }) {
  const name = route.parts[1];
  const everything = route.query.get('all') === '1';
  const query = [['app', name], ...(everything ? [['ignoreACL', 'true']] : [])];
  const components = await get('/apps/components', { query });
  heading.textContent = name;
  page.append(
    h('p', { class: 'crumbs' }, h('a', { href: link(['apps'], everything ? { all: 1 } : {}) }, 'Apps')),
    heading,
    h('p', { class: 'count' }, counted(components.length, 'component')),
    components.length > 0
      ? h('ul', { class: 'plain stack' }, components.map(component))
      : empty('Nothing to see', 'There is no such app, or the access rules show you none of its components.'),
  );
}

function component(manifest) {
  const ports = [['in', manifest.inPorts], ['out', manifest.outPorts]].filter(([, list]) => Array.isArray(list) && list.length > 0);
  return h('li', { class: 'card app' },
    appIcon(manifest.icon),
    h('div', { class: 'grow' },
      h('h2', { class: 'break' }, manifest.label || manifest.name),
      h('p', { class: 'muted break' }, manifest.name),
      h('p', {}, manifest.description ?? ''),
      h('p', { class: 'row' },
        manifest.private ? h('span', { class: 'tag bad' }, 'private') : null,
        ports.map(([way, list]) => h('span', { class: 'tag' }, counted(list.length, `${way} port`)))),
      h('details', {}, h('summary', {}, 'Manifest'), h('pre', { tabindex: '0', 'aria-label': `Manifest of ${manifest.name}` }, shortened(manifest)))));
}

/** The manifest as text; a picture would be many lines that nobody reads. */
function shortened(manifest) {
  return JSON.stringify(manifest, (key, value) => (key === 'icon' && typeof value === 'string' && value.length > 80 ? `${value.slice(0, 60)}…` : value), 2);
}
