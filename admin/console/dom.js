/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only place where elements are made. Text becomes text, never markup: there is no way from
 * here to the HTML parser. Elements and attributes are of closed lists; whatever else is asked for
 * throws. Links lead within the page, or to what the page itself made (blob:).
 */

const TAGS = new Set(
    `a aside button caption code datalist dd details dialog div dl dt fieldset
    footer form h1 h2 h3 header input label legend li main nav ol option p pre section select span
    strong summary table tbody td textarea th thead time tr ul`.split(/\s+/),
);

const SVG_TAGS = new Set('svg g path line rect circle text title desc polyline'.split(' '));

const ATTRIBUTES = new Set(
    `autocapitalize autocomplete checked class colspan cols datetime disabled
    download for hidden href id inputmode lang list max maxlength method min minlength multiple name
    open pattern placeholder readonly required role rows scope selected spellcheck tabindex title
    type value wrap aria-busy aria-controls aria-current aria-describedby aria-expanded aria-hidden
    aria-invalid aria-label aria-labelledby aria-live aria-pressed aria-sort`.split(/\s+/),
);

const SVG_ATTRIBUTES = new Set(
    `class d cx cy r x y x1 x2 y1 y2 width height points rx viewBox
    preserveAspectRatio text-anchor role focusable aria-label aria-labelledby aria-hidden
    id`.split(/\s+/),
);

const PROPERTIES = new Set([
    'value',
    'checked',
    'disabled',
    'selected',
    'hidden',
    'multiple',
    'open',
    'readonly',
    'required',
]);

/* What the page's address may be changed to. */
const LINK = /^(#|blob:)/;

function set(node, name, value, allowed) {
    if (!allowed.has(name)) throw new Error(`the attribute ${name} is not used here`);
    if (value === undefined || value === null || value === false) return;
    if (name === 'href' && !LINK.test(value)) throw new Error('a link leads out of the console');
    if (name === 'type' && node.tagName === 'INPUT') node.type = value;
    if (name === 'value' && PROPERTIES.has(name) && 'value' in node) node.value = value;
    node.setAttribute(name, value === true ? '' : String(value));
}

function append(node, children) {
    for (const child of children) {
        if (child === undefined || child === null || child === false) continue;
        if (Array.isArray(child)) append(node, child);
        else node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
}

function make(node, allowed, given, children) {
    const { on, ...attributes } = given || {};
    for (const [name, value] of Object.entries(attributes)) set(node, name, value, allowed);
    for (const [event, act] of Object.entries(on || {})) node.addEventListener(event, act);
    append(node, children);
    return node;
}

/* h('p', {class: 'note', on: {click: f}}, 'text', node, [more]) */
export function h(tag, given, ...children) {
    if (!TAGS.has(tag)) throw new Error(`the element ${tag} is not used here`);
    return make(document.createElement(tag), ATTRIBUTES, given, children);
}

/* The same for pictures. */
export function svg(tag, given, ...children) {
    if (!SVG_TAGS.has(tag)) throw new Error(`the element ${tag} is not used here`);
    return make(
        document.createElementNS('http://www.w3.org/2000/svg', tag),
        SVG_ATTRIBUTES,
        given,
        children,
    );
}

/* Puts children in place of what is there; whoever had the focus keeps it, by its id. */
export function fill(node, ...children) {
    const active = document.activeElement;
    const id = active && active !== node && node.contains(active) ? active.id : '';
    node.replaceChildren();
    append(node, children);
    if (id) document.getElementById(id)?.focus({ preventScroll: true });
    return node;
}

/* Says something to those who listen instead of look. */
export function announce(text) {
    const polite = document.getElementById('polite');
    polite.textContent = '';
    setTimeout(() => {
        polite.textContent = text;
    }, 50);
}

/* Hands bytes to the person as a file. */
export function save(bytes, name, type) {
    const url = URL.createObjectURL(new Blob([bytes], { type }));
    const link = h('a', { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
}
