// Package sqlkit holds what the SQL stores share and no dialect decides: ids
// and times as databases keep them, the filter of a list as SQL, the order of
// a history, and the rule by which a batch is tried again. It opens no
// database; packages postgres and sqlite call it.
package sqlkit
