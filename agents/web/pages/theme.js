/* Before the first paint: light or dark, as chosen or as the system has it. The choice is "light", "dark" or "system". */
(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const chosen = () => {
        try {
            const choice = localStorage.getItem("busbar-theme");
            return choice === "light" || choice === "dark" ? choice : "system";
        } catch {
            return "system"; /* storage is forbidden: the choice lasts as long as the page */
        }
    };
    let choice = chosen();
    const apply = () => {
        const dark = choice === "dark" || (choice === "system" && system.matches);
        document.documentElement.dataset.theme = dark ? "dark" : "light";
        dispatchEvent(new CustomEvent("busbar-theme", { detail: choice }));
    };
    window.busbarTheme = {
        get choice() {
            return choice;
        },
        choose(next) {
            choice = next;
            try {
                localStorage.setItem("busbar-theme", next);
            } catch {
                /* as above */
            }
            apply();
        },
    };
    system.addEventListener("change", apply);
    addEventListener("storage", (event) => {
        if (event.key === "busbar-theme") {
            choice = chosen();
            apply();
        }
    });
    apply();
})();
