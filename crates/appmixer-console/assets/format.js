// How numbers, times and sizes are written.

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const three = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const dayOfMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const fullDay = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeZone: 'UTC' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export const number = (n) => whole.format(n);
/** At a tick of an axis, where there is little room. */
export const compact = (n) => (Math.abs(n) < 10_000 ? three.format(n) : short.format(n));
/** A time in the reader's own zone. */
export const time = (iso) => moment.format(new Date(iso));
export const day = (iso) => date.format(new Date(iso));
/** Days are counted in UTC. */
export const shortDay = (iso) => dayOfMonth.format(new Date(iso));
export const longDay = (iso) => fullDay.format(new Date(iso));
export const hour = (iso) => clock.format(new Date(iso));

/** `1 user`, `2 users`. */
export const counted = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

/** Seconds as people say them. */
export function duration(seconds) {
  if (seconds < 1) return `${three.format(seconds * 1000)} ms`;
  if (seconds < 60) return `${three.format(seconds)} s`;
  const units = [['day', 86_400], ['h', 3600], ['min', 60]];
  const index = units.findIndex(([, size]) => seconds >= size);
  const [[name, size], smaller] = [units[index], units[index + 1]];
  const most = Math.floor(seconds / size);
  const rest = smaller ? Math.floor((seconds % size) / smaller[1]) : 0;
  const head = `${most} ${name === 'day' && most !== 1 ? 'days' : name}`;
  return rest > 0 ? `${head} ${rest} ${smaller[0]}` : head;
}

/** How many bytes a value has as compact JSON. */
export const jsonBytes = (value) => new TextEncoder().encode(JSON.stringify(value)).length;
