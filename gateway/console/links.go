package console

import "net/url"

// segment writes a name as one part of a path. Names that a browser would take
// for a way up have no address of their own: ok is false.
func segment(name string) (text string, ok bool) {
	return url.PathEscape(name), name != "." && name != ".." && name != ""
}

// taskURL is the page of a task, by its taskId, or else by its id.
func taskURL(taskID, id string) string {
	s, ok := segment(taskID)
	if !ok {
		s = url.PathEscape(id)
	}
	return Root + "/tasks/" + s
}

// stoneURL is the page of a stone.
func stoneURL(code string) string { return Root + "/stones/" + url.PathEscape(code) }

// processURL is the page of a process.
func processURL(id string) string {
	s, ok := segment(id)
	if !ok {
		return Root + "/processes?" + url.Values{"processInstanceId": {id}}.Encode()
	}
	return Root + "/processes/" + s
}

// modelURL is the page of a version of a model.
func modelURL(id string) string { return Root + "/models/" + url.PathEscape(id) }
