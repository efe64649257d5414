package river

// Starting is how many calls wait to start an instance.
func (r *Runtime) Starting() int {
	r.starts.mu.Lock()
	defer r.starts.mu.Unlock()
	return len(r.starts.waiting)
}
