import { render } from 'preact';
import './style.css';
import { start } from './state';
import { Page } from './view/page';

const root = document.getElementById('page');
if (root) {
  start();
  render(<Page />, root);
}
