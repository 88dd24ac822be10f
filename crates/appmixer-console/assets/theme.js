// Light or dark: as the system has it, unless somebody has chosen. No module, so that it runs before the first paint.
(() => {
  const KEY = 'console-theme';
  const THEMES = ['system', 'light', 'dark'];
  const read = () => {
    try {
      const kept = localStorage.getItem(KEY);
      return THEMES.includes(kept) ? kept : 'system';
    } catch {
      return 'system'; // Storage is switched off.
    }
  };
  const show = (theme) => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  show(read());
  window.consoleTheme = {
    get: read,
    /** Goes on to the next one, and gives its name. */
    next() {
      const theme = THEMES[(THEMES.indexOf(read()) + 1) % THEMES.length];
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        // It then holds until the page is loaded again.
      }
      show(theme);
      return theme;
    },
  };
})();
