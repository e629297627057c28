// The search would run code from a blob, which the page's security policy does not let in.
Redoc.init("openapi.json", { disableSearch: true, hideDownloadButtons: false }, document.getElementById("page"));
