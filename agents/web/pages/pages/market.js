import { Empty } from "/ui.js";
import { html } from "/view.js";

export default function Market() {
    return html`<${Empty} title="Not built yet">The page Market has not landed.<//>`;
}
