// Goes from page to page, and to any of them at once.

import { button, h, newId } from './dom.js?v=VERSION';
import { number } from './format.js?v=VERSION';

/** `page` is from 1; `onpage` and `onlimit` are told what is wanted. */
export function makePager({ page, pages, limit, limits, onpage, onlimit }) {
  const step = (label, to, text) => button(text, () => onpage(to), {
    kind: 'quiet', 'aria-label': label, 'data-turn': label, disabled: to < 1 || to > pages || to === page,
  });
  const id = newId('page');
  const jump = h('input', { id, type: 'number', min: 1, max: pages, value: page, inputmode: 'numeric', class: 'jump', 'data-turn': 'jump' });
  const turn = () => {
    const wanted = Math.min(Math.max(Math.trunc(Number(jump.value)) || 1, 1), pages);
    jump.value = wanted;
    if (wanted !== page) onpage(wanted);
  };
  jump.addEventListener('change', turn);
  const sizeId = newId('limit');
  const size = h('select', { id: sizeId, 'data-turn': 'size', onchange: () => onlimit(Number(size.value)) },
    limits.map((n) => h('option', { value: n, selected: n === limit }, n)));
  return h(
    'nav',
    { class: 'pager', 'aria-label': 'Pages of the list' },
    h('div', { class: 'row' },
      step('First page', 1, '« First'),
      step('Previous page', page - 1, '‹ Previous'),
      h('span', { class: 'row' }, h('label', { for: id }, 'Page'), jump, h('span', {}, `of ${number(pages)}`)),
      step('Next page', page + 1, 'Next ›'),
      step('Last page', pages, 'Last »')),
    h('div', { class: 'row' }, h('label', { for: sizeId }, 'Rows'), size),
  );
}
