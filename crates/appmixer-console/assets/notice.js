// Short messages of what was done, which go away by themselves and are read out.

import { h, icon } from './dom.js?v=VERSION';

const SHOWN_FOR = 6000;
/** More at once would cover the page. */
const MOST = 2;

/** Says that something is done, or with `bad` that it is not. */
export function notify(text, { bad = false } = {}) {
  const notice = h('div', { class: bad ? 'notice bad' : 'notice' }, h('span', {}, text));
  const remove = () => notice.remove();
  notice.append(h('button', { type: 'button', class: 'bare', 'aria-label': 'Dismiss', onclick: remove }, icon('close')));
  const all = document.getElementById('notices');
  all.append(notice);
  while (all.childElementCount > MOST) all.firstElementChild.remove();
  // Errors stay until somebody has read them.
  if (!bad) setTimeout(remove, SHOWN_FOR);
}

/** What is shown where something should be, and could not be got. */
export function problem(error, again) {
  const lines = [h('strong', {}, error.message)];
  if (error.status === 503 || error.status === 429) {
    lines.push(h('p', {}, error.retryAfter ? `Try again in ${error.retryAfter} s.` : 'Try again later.'));
  }
  if (error.requestId && error.status >= 500) {
    lines.push(h('p', { class: 'muted' }, 'The log says more, under request ', h('code', {}, error.requestId)));
  }
  if (again) lines.push(h('button', { type: 'button', class: 'button', onclick: again }, 'Try again'));
  return h('div', { class: 'problem', role: 'alert' }, lines);
}

/** What is shown until something is there. */
export function loading(what = 'Loading') {
  return h('p', { class: 'loading', role: 'status' }, h('span', { class: 'spinner', 'aria-hidden': 'true' }), `${what} …`);
}

/** What is shown where nothing is. */
export function empty(title, ...hints) {
  return h('div', { class: 'empty' }, h('strong', {}, title), hints.map((hint) => h('p', {}, hint)));
}
