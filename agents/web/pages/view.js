/* What every page draws with: preact, its hooks, and html`…`. */
import { h, render, Fragment } from "/vendor/preact.js";
import htm from "/vendor/htm.js";

export { useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useReducer, useId } from "/vendor/hooks.js";
export { h, render, Fragment };
export const html = htm.bind(h);
