package console

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// lang is a language of the console.
type lang int

// The languages. English is the default.
const (
	english lang = iota
	chinese
	languages // how many there are
)

// tags are how HTML and browsers name the languages.
var tags = [languages]string{"en", "zh-CN"}

// words are a text in each language, with verbs of package fmt.
type words [languages]string

// texts are all texts of the console: the one table, by key, of which each area
// holds a part.
var texts = join(frameTexts, statusTexts, overviewTexts, taskTexts, stoneTexts, commandTexts, bulkTexts, letterTexts, callbackTexts, processTexts, modelTexts)

func join(parts ...map[string]words) map[string]words {
	out := map[string]words{}
	for _, p := range parts {
		before := len(out)
		maps.Copy(out, p)
		if len(out) != before+len(p) {
			panic("console: a key of the texts stands twice")
		}
	}
	return out
}

func (l lang) text(key string, args ...any) string {
	w, ok := texts[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return w[l]
	}
	return fmt.Sprintf(w[l], args...)
}

// languageCookie keeps the choice.
const languageCookie = "riverstones_language"

// languageOf is what the visitor chose, or else the browser prefers.
func languageOf(r *http.Request) lang {
	if c, err := r.Cookie(languageCookie); err == nil {
		if l, ok := parseTag(c.Value); ok {
			return l
		}
	}
	best, weight := english, 0.0
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, param, _ := strings.Cut(part, ";")
		l, ok := parseTag(strings.TrimSpace(tag))
		q := 1.0
		if value, given := strings.CutPrefix(strings.TrimSpace(param), "q="); given {
			var err error
			if q, err = strconv.ParseFloat(value, 64); err != nil {
				q = 0
			}
		}
		if ok && q > weight {
			best, weight = l, q
		}
	}
	return best
}

// parseTag takes a language by the first part of its tag.
func parseTag(tag string) (lang, bool) {
	first, _, _ := strings.Cut(strings.ToLower(tag), "-")
	for l, name := range tags {
		if known, _, _ := strings.Cut(name, "-"); known == first {
			return lang(l), true
		}
	}
	return english, false
}

// language switches the language, and goes back to where the visitor was.
func (c *console) language(v *visit) (page, error) {
	l, ok := parseTag(v.PostForm.Get("to"))
	if !ok {
		return page{}, formError("to must be one of en, zh-CN")
	}
	return page{Redirect: here(v.PostForm.Get("back")), Cookie: &http.Cookie{ //nolint:gosec // it is Secure where the connection is
		Name: languageCookie, Value: tags[l], Path: Root, MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: v.TLS != nil, SameSite: http.SameSiteLaxMode,
	}}, nil
}
