// What is shown where there is no page.

import { h } from './dom.js?v=VERSION';

export const title = 'There is no such page';

export function render({ page, heading }) {
  page.append(
    heading,
    h('p', {}, 'Nothing in the console has the address ', h('code', { class: 'break' }, location.hash), '.'),
    h('p', {}, h('a', { href: '#/' }, 'To the overview')),
  );
}
