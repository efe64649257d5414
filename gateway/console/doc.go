// Package console is the web console at /console: pages that the server
// renders, for operators to look at tasks, processes, stones and letters, and
// to repair them. It knows the public REST API and nothing else: each page asks
// it in-process, with the authorization of the one who looks, so that the
// rights and limits of the API hold. Only package gateway mounts it.
//
// A page works without script. With script it is kept up to date, and sheets
// (pages that ask before they act) open above the page they were called from.
//
// # How to add a page
//
// A page is a handler, a template and its texts.
//
//   - A handler is a method of console that fills a [page]:
//
//     func (c *console) stone(v *visit) (page, error) {
//     s, err := v.api.Stone(v.ctx(), v.PathValue("code"))
//     if err != nil {
//     return page{}, err
//     }
//     return page{Name: "stone", Nav: "stones", Title: s.Code, Data: s}, nil
//     }
//
//     v is the request, v.api the client of the REST API. An error becomes a
//     page with the status and sentence of the API. A handler that has changed
//     something answers page{Redirect: path}, and names what it did with
//     v.done("stone.paused"), a key of the texts that the next page shows.
//
//   - A route in a function such as stoneRoutes, called by routes: c.get and
//     c.post take a pattern of [http.ServeMux] below /console.
//
//   - templates/NAME.html defines "content"; its dot is a [view], whose Data is
//     that of the page. What several templates use stands in partials.html:
//     {{template "status" .Status}}, "time", "pager", "empty", "json", "problem". Escaping is
//     html/template's; no template.HTML, no inline script, no style attribute:
//     the Content-Security-Policy refuses them. What a page needs beyond
//     default-src 'self' goes into page.Policy.
//
//   - A form that changes something begins with {{template "token" $}}: without
//     its token it does not count. Requests of htmx have it by themselves.
//     Handlers find the form read.
//
//   - Texts come by key: {{t "stone.workers"}}, {{t "list.count" .N}}. Keys and
//     their words in each language stand in texts_AREA.go, and nowhere else; a
//     test finds keys that are missing or not used.
//
//   - page.Live says how the page is kept up to date: Events is the query of
//     the API's /events, Every the seconds between looks where there is no such
//     filter. Then everything within <div id="live"> is replaced by what the
//     server renders anew, in place: open folds, focus and scroll positions
//     stay. Parts beside others that come and go need an id, so that they are
//     not taken for them; a fold is known again by its id, or by that of what is
//     around it and the names on the way. Content outside, such as a form being filled in, is
//     left alone: define it as "before" in the template. A page with its own
//     script gives it in page.Scripts, below assets/; it listens for the event
//     "console:refreshed".
//
//   - A link that opens a sheet is <a data-sheet href="...">: of the page that
//     it leads to the element with id "sheet" is shown as a dialog.
//
// Pages stand in the fixtures of pages_test.go, in each of their states, and in
// the tour of browser_test.go, which keeps screenshots below .ci/artifacts.
//
// Lists of tasks or processes that may be rare go through lookBack: no page
// reads a whole table.
package console
