// What the reader chose on this device, set before the first paint so that nothing jumps.
"use strict";
const stored = (name) => { try { return localStorage.getItem(name) ?? ""; } catch { return ""; } };
const store = (name, value) => { try { localStorage.setItem(name, value); } catch { /* it holds for this page */ } };
for (const name of ["theme", "density"]) if (stored(name)) document.documentElement.dataset[name] = stored(name);
