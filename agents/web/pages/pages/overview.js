import { Empty } from "/ui.js";
import { html } from "/view.js";

export default function Overview() {
    return html`<${Empty} title="Not built yet">The page Overview has not landed.<//>`;
}
