import { Empty } from "/ui.js";
import { html } from "/view.js";

export default function Bus() {
    return html`<${Empty} title="Not built yet">The page Bus has not landed.<//>`;
}
