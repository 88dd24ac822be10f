// Tables that can be sorted, and that become a list of cards where there is little room.

import { h } from './dom.js?v=VERSION';

/**
 * `columns` are `{label, cell(row), sort?, className?}`; `sort` is the key that `onsort` is called with, and
 * `sorted` the present `[key, ascending]`. `label` names the table for those who do not see it. `rowClass(row)`, if
 * there is one, is the class of a row.
 */
export function makeTable({ label, columns, rows, sorted, onsort, rowClass = () => null }) {
  const heads = columns.map((column) => {
    const attributes = { scope: 'col', class: column.className };
    if (!column.sort) return h('th', attributes, column.label);
    const [key, ascending] = sorted;
    const mine = key === column.sort;
    attributes['aria-sort'] = mine ? (ascending ? 'ascending' : 'descending') : 'none';
    const arrow = mine ? (ascending ? ' ↑' : ' ↓') : '';
    const change = () => onsort(column.sort, mine ? !ascending : column.sort !== 'created');
    return h('th', attributes, h(
      'button',
      { type: 'button', class: 'sort', onclick: change, 'data-sort': column.sort },
      column.label,
      h('span', { 'aria-hidden': 'true' }, arrow),
    ));
  });
  const body = rows.map((row) => h('tr', { class: rowClass(row) }, columns.map((column) => {
    // Where there is little room the label stands in each cell.
    const head = typeof column.label === 'string' ? column.label : null;
    return h('td', { class: column.className, 'data-label': head }, h('div', { class: 'cell' }, column.cell(row)));
  })));
  return h(
    'div',
    { class: 'table-box', role: 'region', 'aria-label': label, tabindex: '0' },
    h('table', {}, h('caption', { class: 'unseen' }, label), h('thead', {}, h('tr', {}, heads)), h('tbody', {}, body)),
  );
}
